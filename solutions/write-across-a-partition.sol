CONFLICT:(right):FALSE
bank/note:poor:FALSE
bank/acct:100:TRUE
bank/acct:70:TRUE
bank/note:rich:TRUE
right:applied:TRUE
note:merged 1:TRUE
