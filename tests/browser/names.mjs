// names.mjs SCRIPT: what the page that opens a dataset shows of names with letters that are not seen or
// turn others round. Runs without a browser, on as much of a document as the script needs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

class Element {
  children = [];
  attributes = {};
  append(...children) {
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  attachShadow() {
    return (this.shadow = new Element());
  }
  closest() {
    return null;
  }
  focus() {}
  /** Every text and attribute below. */
  all() {
    const below = this.children.map((child) => (typeof child === "string" ? child : child.all()));
    return [...Object.values(this.attributes), ...below].join("\n");
  }
}

let Opening;
let worker;
Object.assign(globalThis, {
  HTMLElement: Element,
  document: { createElement: () => new Element(), currentScript: { src: "" } },
  customElements: { define: (_, element) => (Opening = element) },
  CSSStyleSheet: class {
    replaceSync() {}
  },
  Worker: class {
    constructor() {
      worker = this;
    }
    postMessage() {}
    terminate() {}
  },
});
(0, eval)(readFileSync(process.argv[2], "utf8"));

function shown(news) {
  const element = new Opening();
  element.connectedCallback();
  worker.onmessage({ data: news });
  return element.shadow.all();
}

const path = "scan\u202egnp.exe";
const file = { path, bytes: 1, content: new Blob([]), hashed: true, formulas: ["=\u200bsum\u2028"] };
const opened = shown({ kind: "opened", package: "ab", files: [file] });
assert.match(opened, /Save scangnp\.exe/);
assert.match(opened, /=sum/);
const refused = shown({ kind: "fault", reason: "file", values: { path } });
assert.match(refused, /scangnp\.exe is authentic/);
for (const text of [opened, refused]) assert.doesNotMatch(text, /[\p{Cf}\p{Zl}\p{Zp}]/u);
