"use strict";
// Shows /api/openapi.json. Everything is set as text: nothing in the description can become markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 6;
let schemas = {};

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function prose(tag, className, text) {
  const node = make(tag, className);
  text.split("`").forEach((part, place) => node.append(place % 2 ? make("code", "", part) : part));
  return node;
}

function named(ref) {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

function follow(schema) {
  return schema && schema.$ref ? schemas[named(schema.$ref)] || {} : schema || {};
}

function typeOf(schema) {
  if (!schema || Object.keys(schema).length === 0) return "anything";
  if (schema.$ref) return named(schema.$ref);
  const choices = schema.anyOf || schema.oneOf;
  if (choices) return choices.map(typeOf).join(" | ");
  if (schema.allOf) return schema.allOf.map(typeOf).join(" & ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  if (schema.format) return `${schema.type} (${schema.format})`;
  return Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type || "object";
}

function limits(schema) {
  const said = {
    minimum: "at least", exclusiveMinimum: "more than", maximum: "at most", exclusiveMaximum: "less than",
    minLength: "characters, at least", maxLength: "characters, at most", minItems: "items, at least",
    maxItems: "items, at most", pattern: "matches", default: "by default",
  };
  const parts = [];
  for (const [key, words] of Object.entries(said)) {
    if (schema[key] !== undefined && schema[key] !== null) parts.push(`${words} ${JSON.stringify(schema[key])}`);
  }
  return parts.join(", ");
}

function objectsIn(schema) {
  if (!schema) return [];
  if (schema.$ref) return [named(schema.$ref)];
  return [...(schema.anyOf || schema.oneOf || schema.allOf || []), schema.items, schema.additionalProperties]
    .filter((part) => part && typeof part === "object")
    .flatMap(objectsIn);
}

function fields(schema, depth) {
  const box = make("div", "schema");
  const full = follow(schema);
  if (full.description) box.append(prose("p", "soft", full.description));
  const required = new Set(full.required || []);
  for (const [name, field] of Object.entries(full.properties || {})) {
    const line = make("div", "field");
    line.append(make("code", "", name), " ", make("span", "type", typeOf(field)));
    if (required.has(name)) line.append(" ", make("span", "must", "required"));
    const more = [field.description, limits(field)].filter(Boolean).join(" · ");
    if (more) line.append(prose("span", "soft", more));
    line.append(...below(field, depth));
    box.append(line);
  }
  if (!full.properties) {
    box.append(make("span", "type", typeOf(full)));
    box.append(...below(full, depth));
  }
  return box;
}

function below(schema, depth) {
  if (depth >= DEEPEST) return [];
  return [...new Set(objectsIn(schema))].filter((name) => (schemas[name] || {}).properties).map((name) => {
    const more = make("details", "schema");
    more.append(make("summary", "type", name));
    more.addEventListener("toggle", () => {
      if (more.open && more.childElementCount === 1) more.append(fields(schemas[name], depth + 1));
    });
    return more;
  });
}

function parameters(list) {
  const table = make("dl", "plain");
  for (const parameter of list) {
    const name = make("dt");
    name.append(make("code", "", parameter.name), " ", make("span", "soft", parameter.in));
    if (parameter.required) name.append(" ", make("span", "must", "required"));
    const what = make("dd");
    what.append(make("span", "type", typeOf(parameter.schema)));
    const more = [parameter.description, limits(follow(parameter.schema))].filter(Boolean).join(" · ");
    if (more) what.append(" ", prose("span", "soft", more));
    table.append(name, what);
  }
  return table;
}

function contentOf(holder) {
  const [kind, media] = Object.entries((holder && holder.content) || {})[0] || [];
  return { kind, schema: media && media.schema };
}

function responses(operation, document_) {
  const nodes = [make("h3", "", "Answers")];
  const table = make("dl", "plain");
  for (const [status, given] of Object.entries(operation.responses)) {
    const response = given.$ref ? document_.components.responses[named(given.$ref)] : given;
    const { kind, schema } = contentOf(response);
    const what = make("dd");
    what.append(prose("span", "", response.description || ""));
    if (schema && !given.$ref) {
      what.append(" ", make("span", "type", kind === "application/json" ? typeOf(schema) : kind));
      if (kind === "application/json") what.append(fields(schema, 0));
    }
    table.append(make("dt", "", status === "default" ? "others" : status), what);
  }
  nodes.push(table);
  return nodes;
}

function inside(operation, document_) {
  const box = make("div", "inside");
  if (operation.description) box.append(prose("p", "", operation.description));
  const facts = make("dl", "plain");
  facts.append(make("dt", "", "Who may"), make("dd", "", operation["x-permission"] || "everybody"));
  if ((operation["x-limits"] || []).length) {
    facts.append(make("dt", "", "Limits"), make("dd", "", operation["x-limits"].join(", ")));
  }
  box.append(facts);
  if ((operation.parameters || []).length) {
    box.append(make("h3", "", "Parameters"), parameters(operation.parameters));
  }
  const { schema } = contentOf(operation.requestBody);
  if (schema) box.append(make("h3", "", `Body: ${typeOf(schema)}`), fields(schema, 0));
  box.append(...responses(operation, document_));
  return box;
}

function card(path, method, operation, document_) {
  const box = make("details", "operation");
  box.id = operation.operationId;
  const summary = make("summary");
  summary.append(
    make("span", `method ${method}`, method.toUpperCase()),
    make("span", "path", path),
    prose("span", "what", operation.summary || ""),
  );
  box.append(summary);
  box.addEventListener("toggle", () => {
    if (box.open && box.childElementCount === 1) box.append(inside(operation, document_));
  });
  const words = [path, method, operation.summary, operation.description, operation["x-permission"], operation.tags[0]];
  box.dataset.words = words.join(" ").toLowerCase();
  return box;
}

function show(document_) {
  schemas = (document_.components || {}).schemas || {};
  document.getElementById("title").textContent = `${document_.info.title}, version ${document_.info.version} of the API`;
  document.getElementById("about").replaceChildren(prose("span", "", document_.info.description || ""));
  const main = document.getElementById("operations");
  const list = make("ul");
  for (const tag of document_.tags) {
    const section = make("section");
    section.id = `part-${tag.name}`;
    section.append(make("h2", "", tag.name), prose("p", "soft", tag.description || ""));
    for (const [path, methods] of Object.entries(document_.paths)) {
      for (const method of METHODS) {
        const operation = methods[method];
        if (operation && operation.tags[0] === tag.name) section.append(card(path, method, operation, document_));
      }
    }
    if (section.querySelector(".operation")) {
      main.append(section);
      const link = make("a", "", tag.name);
      link.href = `#part-${tag.name}`;
      const entry = make("li");
      entry.append(link);
      list.append(entry);
    }
  }
  document.getElementById("parts").append(list);
  openNamed();
}

function openNamed() {
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted && wanted.tagName === "DETAILS") wanted.open = true;
  if (wanted) wanted.scrollIntoView();
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("main section")) {
    let any = false;
    for (const box of section.querySelectorAll(".operation")) {
      box.hidden = !words.every((word) => box.dataset.words.includes(word));
      any = any || !box.hidden;
    }
    section.hidden = !any;
  }
}

document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
window.addEventListener("hashchange", openNamed);

fetch("/api/openapi.json")
  .then((response) => {
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.json();
  })
  .then(show)
  .catch((error) => {
    const about = document.getElementById("about");
    about.className = "problem";
    about.textContent = `The description could not be loaded: ${error.message}. Try again in a moment.`;
  });
