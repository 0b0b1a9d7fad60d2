"use strict";
// Everything a message says is set with textContent: it can never become markup.

const $ = (id) => document.getElementById(id);
const page = { user: document.body.dataset.user, channel: document.body.dataset.channel };
let commands = [];

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (className) node.className = className;
  return node;
}

async function call(verb, given) {
  const response = await fetch(`/control/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(given),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function complain(error) {
  $("error").textContent = error ? error.message : "";
  $("error").hidden = !error;
}

async function attempt(work) {
  complain(null);
  try {
    await work();
  } catch (error) {
    complain(error);
  }
}

// ------------------------------------------------------------------ messages

function embed(each) {
  const box = make("div", undefined, "embed");
  if (each.title) box.append(make("b", each.title));
  if (each.description) box.append(make("p", each.description));
  if (each.fields) {
    const list = make("dl");
    for (const field of each.fields) list.append(make("dt", field.name), make("dd", field.value));
    box.append(list);
  }
  return box;
}

function button(message, spec) {
  const node = make("button", spec.label || (spec.emoji && spec.emoji.name) || "…");
  node.disabled = Boolean(spec.disabled) || !spec.custom_id;
  node.onclick = () => attempt(async () => {
    afterwards(await call("click", {
      message: message.id, custom_id: spec.custom_id, user: page.user, wait_s: 5,
    }));
  });
  return node;
}

function menu(message, spec) {
  const node = make("select");
  node.disabled = Boolean(spec.disabled);
  node.append(make("option", spec.placeholder || "Choose…"));
  for (const option of spec.options || []) {
    const choice = make("option", option.label);
    choice.value = option.value;
    node.append(choice);
  }
  node.onchange = () => attempt(async () => {
    afterwards(await call("select", {
      message: message.id, custom_id: spec.custom_id, values: [node.value], user: page.user, wait_s: 5,
    }));
  });
  return node;
}

function controls(message, specs, into) {
  for (const spec of specs || []) {
    if (spec.type === 2) into.append(button(message, spec));
    else if (spec.type === 3) into.append(menu(message, spec));
    else if (spec.type === 10) into.append(make("p", spec.content));
    else controls(message, spec.components, into);
  }
}

function show(message) {
  const item = make("li", undefined, message.is_bot ? "bot" : "person");
  if (message.ephemeral) item.classList.add("ephemeral");
  item.append(make("b", message.author));
  const notes = [];
  if (message.command) notes.push(`${message.invoker} used /${message.command}`);
  if (message.ephemeral) notes.push("only you can see this");
  if (message.edited) notes.push("edited");
  if (notes.length) item.append(make("small", notes.join(" · ")));
  item.append(make("p", message.loading ? "is thinking…" : message.content));
  for (const each of message.embeds) item.append(embed(each));
  for (const each of message.attachments) item.append(make("small", `📎 ${each.filename}`));
  const row = make("div", undefined, "row");
  controls(message, message.components, row);
  if (row.childElementCount) item.append(row);
  if (message.reactions.length) {
    item.append(make("small", message.reactions.map((r) => `${r.emoji.name} ${r.count}`).join("  ")));
  }
  return item;
}

async function watch() {
  let version = -1;
  for (;;) {
    try {
      const seen = await call("wait_for_change", { channel: page.channel, user: page.user, version });
      version = seen.version;
      $("messages").replaceChildren(...seen.messages.map(show));
      $("messages").scrollTop = $("messages").scrollHeight;
      $("state").classList.toggle("online", seen.online);
      $("state").textContent = $("state").textContent.replace(/(on|off)line$/, seen.online ? "online" : "offline");
    } catch {
      await new Promise((again) => setTimeout(again, 1000));
    }
  }
}

// ------------------------------------------------------------------ commands

function leaves(command, path = []) {
  const inner = (command.options || []).filter((option) => option.type <= 2);
  const name = [...path, command.name];
  return inner.length ? inner.flatMap((each) => leaves(each, name)) : [{ name: name.join(" "), options: command.options || [] }];
}

async function learn() {
  commands = (await call("commands", {})).filter((each) => each.type === 1).flatMap((each) => leaves(each));
  $("commands").replaceChildren(...commands.map((command) => {
    const choice = make("option");
    choice.value = `/${command.name}${command.options.map((option) => ` ${option.name}:`).join("")}`;
    return choice;
  }));
}

function parse(text) {
  const found = commands.filter((each) => text === each.name || text.startsWith(`${each.name} `));
  const command = found.sort((a, b) => b.name.length - a.name.length)[0];
  if (!command) return { command: text.split(" ")[0], options: {} };
  const rest = text.slice(command.name.length);
  const options = {};
  const names = command.options.map((option) => option.name);
  const parts = names.length ? rest.split(new RegExp(`\\s(${names.join("|")}):`)) : [rest];
  for (let at = 1; at < parts.length; at += 2) {
    const spec = command.options.find((option) => option.name === parts[at]);
    const value = parts[at + 1].trim();
    if (!value) continue;
    options[spec.name] = spec.type === 4 || spec.type === 10 ? Number(value) : spec.type === 5 ? value === "true" : value;
  }
  const bare = parts[0].trim();
  if (bare && command.options.length && !(command.options[0].name in options)) {
    const first = command.options[0];
    options[first.name] = first.type === 4 || first.type === 10 ? Number(bare) : bare;
  }
  return { command: command.name, options };
}

async function send(text) {
  if (!text.startsWith("/")) {
    await call("say", { content: text, channel: page.channel, user: page.user });
    return;
  }
  await learn();
  const wanted = parse(text.slice(1).trim());
  afterwards(await call("slash", { ...wanted, channel: page.channel, user: page.user, wait_s: 5 }));
}

function afterwards(interaction) {
  if (interaction.modal) ask(interaction);
  else if (!interaction.acknowledged) throw new Error("The application did not respond");
}

function fields(nodes, label = "") {
  return (nodes || []).flatMap((node) => {
    const name = node.label || label;
    if (node.custom_id) return [{ ...node, label: name }];
    return [...fields(node.component ? [node.component] : [], name), ...fields(node.components, name)];
  });
}

function ask(interaction) {
  const form = make("form");
  form.method = "dialog";
  form.append(make("h2", interaction.modal.title));
  for (const field of fields(interaction.modal.components)) {
    const label = make("label", field.label || field.custom_id);
    const input = make("textarea", field.value || "");
    input.name = field.custom_id;
    input.rows = field.style === 2 ? 4 : 1;
    input.required = field.required !== false;
    label.append(input);
    form.append(label);
  }
  form.append(make("button", "Submit"));
  form.onsubmit = () => attempt(async () => {
    const values = Object.fromEntries(new FormData(form).entries());
    afterwards(await call("submit_modal", { interaction: interaction.id, values, wait_s: 5 }));
  });
  $("modal").replaceChildren(form);
  $("modal").showModal();
}

$("form").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  attempt(async () => {
    $("text").value = "";
    await send(text);
  });
};
$("user").onchange = () => {
  page.user = $("user").value;
  const address = new URL(window.location);
  address.searchParams.set("user", page.user);
  window.location.assign(address);
};
attempt(learn);
watch();
