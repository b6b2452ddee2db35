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
  box.addEventListener("change", () => change({ does: "tick", key, is_done: box.checked }));
  label.append(box, made("span", "text"));
  const mark = made("span", "mark");
  mark.title = "Not committed yet: the primary of the cluster has not given it its place.";
  const button = made("button", "delete", "\u00d7");
  button.type = "button";
  button.addEventListener("click", () => change({ does: "delete", key }));
  item.append(label, mark, button);
  item.dataset.key = key;
  return item;
}

function fill(item, entry) {
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
