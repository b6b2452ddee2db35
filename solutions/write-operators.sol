CONFLICT:(nowhere):TRUE
CONFLICT:(ordered):TRUE
both:applied:TRUE
