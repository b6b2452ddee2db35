// Shows what the stream says, and sends what the user does. Nothing is kept here: the replica is in the program
// that serves this page. Texts of others are only ever set as textContent.
"use strict";

const byId = (id) => document.getElementById(id);

function complain(text) {
  byId("error").textContent = text;
  byId("error").hidden = !text;
}

async function change(what) {
  try {
    const answer = await fetch("change", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Shared-List": "1" },
      body: JSON.stringify(what),
    });
    complain(answer.ok ? "" : (await answer.json()).error);
    return answer.ok;
  } catch {
    complain("The program behind this page does not answer. Is it still running?");
    return false;
  }
}

function made(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function newItem(key) {
  const item = made("li", "");
  const label = made("label", "");
  const box = made("input", "");
  box.type = "checkbox";
  box.addEventListener("change", async () => {
    const what = { does: "tick", key, was: item.entry.text, is_done: box.checked };
    if (!(await change(what))) {
      box.checked = item.entry.is_done;
    }
  });
  label.append(box, made("span", "text"));
  const mark = made("span", "mark");
  mark.title = "Not committed yet: the primary of the cluster has not given it its place.";
  const button = made("button", "delete", "\u00d7");
  button.type = "button";
  button.addEventListener("click", () => change({ does: "delete", key, was: item.entry.text }));
  const pencil = made("button", "edit", "\u270e");
  pencil.type = "button";
  pencil.addEventListener("click", () => rename(item));
  item.append(label, mark, pencil, button);
  item.dataset.key = key;
  return item;
}

// The text that stands there when somebody begins is what his change is checked against, whatever comes meanwhile.
function rename(item) {
  const { key, text: was } = item.entry;
  const label = item.querySelector("label");
  const field = made("input", "rename");
  field.type = "text";
  field.maxLength = 200;
  field.value = was;
  field.setAttribute("aria-label", `Another text for ${was}`);
  const close = () => {
    label.hidden = false;
    field.remove();
  };
  field.addEventListener("keydown", async (event) => {
    if (event.key === "Escape") {
      close();
    } else if (event.key === "Enter" && !event.isComposing) {
      const text = field.value.trim();
      if (!text || text === was || (await change({ does: "rename", key, was, text }))) {
        close();
      }
    }
  });
  if (!item.querySelector(".rename")) {
    label.hidden = true;
    item.insertBefore(field, label);
  }
  item.querySelector(".rename").focus();
}

const quoted = (text) => `\u201c${text}\u201d`;

function tried(conflict) {
  const who = conflict.is_ours ? "You" : "Somebody";
  const meanwhile = conflict.now === null ? "was deleted" : `became ${quoted(conflict.now)}`;
  const what = {
    tick: `${conflict.is_done ? "ticked off" : "opened again"} ${quoted(conflict.was)}`,
    rename:
      conflict.was === null
        ? `brought back ${quoted(conflict.text)}`
        : `changed ${quoted(conflict.was)} to ${quoted(conflict.text)}`,
    delete: `deleted ${quoted(conflict.was)}`,
  }[conflict.does];
  const end = conflict.is_pending ? " This may still settle itself." : "";
  return `${who} ${what}, which meanwhile ${meanwhile}.${end}`;
}

// What a person may take: what was tried, or what there is.
function choices(conflict) {
  const mine = {
    tick: conflict.is_done ? "tick it off" : "open it again",
    rename: conflict.text,
    delete: "delete it",
  }[conflict.does];
  const [ours, others] = conflict.is_ours ? ["Mine", "Theirs"] : ["Take", "Keep"];
  const theirs = conflict.now ?? "leave it deleted";
  return [
    ["mine", `${ours}: ${mine}`],
    ["theirs", `${others}: ${theirs}`],
  ];
}

function newConflict(conflict) {
  const item = made("li", "");
  item.append(made("p", "", tried(conflict)));
  if (!conflict.is_pending) {
    const row = made("div", "choices");
    for (const [takes, text] of choices(conflict)) {
      const button = made("button", takes, text);
      button.type = "button";
      button.addEventListener("click", () =>
        change({ does: "settle", id: conflict.id, takes, now: conflict.now }),
      );
      row.append(button);
    }
    item.append(row);
  }
  return item;
}

let conflictsShown = "[]";

function showConflicts(conflicts) {
  const now = JSON.stringify(conflicts);
  if (now !== conflictsShown) {
    conflictsShown = now;
    byId("conflicts").querySelector("ul").replaceChildren(...conflicts.map(newConflict));
    byId("conflicts").hidden = conflicts.length === 0;
  }
}

function fill(item, entry) {
  item.entry = entry;
  item.className = (entry.is_done ? "done " : "") + (entry.is_going ? "going" : "");
  const box = item.querySelector("input");
  box.checked = entry.is_done;
  box.disabled = entry.is_going;
  item.querySelector(".text").textContent = entry.text;
  const mark = item.querySelector(".mark");
  mark.textContent = entry.is_going ? "deletion pending" : "pending";
  mark.hidden = !entry.is_pending;
  const button = item.querySelector(".delete");
  button.hidden = entry.is_going;
  button.setAttribute("aria-label", `Delete ${entry.text}`);
  const pencil = item.querySelector(".edit");
  pencil.hidden = entry.is_going;
  pencil.setAttribute("aria-label", `Change ${entry.text}`);
}

// Items are kept as long as their entries are there, so that the focus stays where it is.
function show(state) {
  const list = byId("entries");
  const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
  let before = list.firstElementChild;
  for (const entry of state.entries) {
    const item = items.get(entry.key) ?? newItem(entry.key);
    items.delete(entry.key);
    fill(item, entry);
    if (item === before) {
      before = before.nextElementSibling;
    } else {
      list.insertBefore(item, before);
    }
  }
  for (const item of items.values()) {
    item.remove();
  }
  showConflicts(state.conflicts);
  byId("empty").hidden = state.entries.length > 0;
  const open = state.entries.filter((entry) => !entry.is_done && !entry.is_going).length;
  byId("footer").textContent = state.entries.length ? `${open} to do, ${state.waiting} pending` : "";
  network(state);
}

function network(state) {
  if (state.connected) {
    const servers = state.connected === 1 ? "1 server" : `${state.connected} servers`;
    tell("connected", `In touch with ${servers}`);
  } else if (state.is_primary) {
    tell("connected", "On this machine alone");
  } else {
    tell("offline", "Offline: changes wait here");
  }
}

function tell(state, text) {
  byId("network").dataset.state = state;
  byId("network").textContent = text;
}

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("text").value;
  if (text.trim() && (await change({ does: "add", text }))) {
    byId("text").value = "";
  }
});

const stream = new EventSource("stream");
stream.addEventListener("message", (event) => {
  const state = JSON.parse(event.data);
  if (state.error) {
    complain(state.error);
  } else {
    show(state);
  }
});
stream.addEventListener("error", () => tell("gone", "The program behind this page is gone"));
