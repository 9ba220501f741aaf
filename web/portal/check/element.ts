/**
 * `<galen-check institution package [node] [lang] [standalone-file]>`: the button, its progress and what
 * was found. With `standalone` it shows forms for a node or a file instead. A plain custom element: there
 * is little to show, and what is checked with should be short enough to be read.
 *
 * Without a script, what stands inside the element is shown. Texts from a node go into text nodes only.
 */
import type { Report } from "../verifier/src/check.js";
import { Refused } from "../verifier/src/refused.js";
import { el, sheet } from "./dom.js";
import { licenceView, refusedView, reportView } from "./view.js";
import type { Help, News, Order } from "./worker.js";
import { fill, words } from "./words.js";
import type { Words } from "./words.js";

/** What is asked for, before there are workers. */
type Without<T> = T extends { helpers: MessagePort[] } ? Omit<T, "helpers"> : never;
type Asked = Without<Order>;

/** The most cores that are taken. */
const MOST_CORES = 8;

/** Defines the element; workers are started from this address. */
export function define(workerAddress: string): void {
  class GalenCheck extends HTMLElement {
    #root = this.attachShadow({ mode: "open" });
    #workers: Worker[] = [];

    connectedCallback(): void {
      this.#root.adoptedStyleSheets = [sheet()];
      this.#idle();
    }

    disconnectedCallback(): void {
      this.#stop();
    }

    get #words(): Words {
      // The file that is kept is in both languages; a page says which one it is in.
      const page = this.closest("[lang]")?.getAttribute("lang") ?? "en";
      return words(this.hasAttribute("standalone") ? navigator.language : page);
    }

    #stop(): void {
      this.#workers.forEach((worker) => worker.terminate());
      this.#workers = [];
    }

    /** Starts the leading worker, and helpers if there are cores for them. */
    #start(order: Asked, fail: (message: string) => void): [Worker, number] {
      this.#stop();
      const cores = Math.min(navigator.hardwareConcurrency || 1, MOST_CORES);
      const helpers = cores < 2 ? 0 : cores;
      this.#workers = Array.from({ length: 1 + helpers }, () => new Worker(workerAddress));
      const [lead, ...rest] = this.#workers as [Worker, ...Worker[]];
      const ports = rest.map((worker) => {
        const { port1, port2 } = new MessageChannel();
        const help: Help = { kind: "help", port: port2 };
        worker.postMessage(help, [port2]);
        return port1;
      });
      for (const worker of this.#workers) worker.onerror = (event) => fail(event.message);
      const full: Order = { ...order, helpers: ports };
      lead.postMessage(full, ports);
      return [lead, Math.max(1, helpers)];
    }

    #show(...nodes: Node[]): void {
      this.#root.replaceChildren(...nodes);
    }

    #idle(note?: string): void {
      const w = this.#words;
      if (this.hasAttribute("standalone")) {
        this.#show(...(note === undefined ? [] : [el("p", { role: "status" }, note)]), ...this.#forms(w));
        return;
      }
      const start = el("button", { type: "button" }, w.start);
      start.onclick = () => this.#check(this.getAttribute("node") ?? location.origin);
      this.#show(el("p", {}, start), el("p", { class: "fine", role: "status" }, note ?? w.before));
      if (note !== undefined) start.focus();
    }

    #forms(w: Words): Node[] {
      const field = (name: string, label: string, note = "", type = "text"): HTMLElement => {
        const input = el("input", { name, type, autocomplete: "off", spellcheck: "false" });
        if (name === "node") input.value = "http://127.0.0.1:4850";
        return el("label", {}, label, input, ...(note === "" ? [] : [el("small", {}, note)]));
      };
      const value = (form: HTMLFormElement, name: string): string =>
        (form.elements.namedItem(name) as HTMLInputElement).value.trim();
      const listing = el(
        "form",
        { "aria-labelledby": "from-node" },
        el("h2", { id: "from-node" }, w.fromNode),
        field("node", w.node),
        field("institution", w.institution),
        field("package", w.package),
        field("genesis", w.chainId, w.chainIdNote),
        el("button", { type: "submit" }, w.start),
      );
      listing.onsubmit = (event) => {
        event.preventDefault();
        this.setAttribute("institution", value(listing, "institution"));
        this.setAttribute("package", value(listing, "package"));
        this.#check(value(listing, "node"), value(listing, "genesis").toLowerCase() || undefined);
      };
      const file = el(
        "form",
        { "aria-labelledby": "from-file" },
        el("h2", { id: "from-file" }, w.fromFile),
        field("file", w.file, w.fileNote, "file"),
        field("genesis", w.chainId, w.chainIdNote),
        el("button", { type: "submit" }, w.start),
      );
      file.onsubmit = async (event) => {
        event.preventDefault();
        const chosen = (file.elements.namedItem("file") as HTMLInputElement).files?.[0];
        if (chosen === undefined) return;
        const chainId = value(file, "genesis").toLowerCase() || undefined;
        this.#run({ kind: "saved", file: await chosen.arrayBuffer(), chainId });
      };
      return [listing, file];
    }

    #check(node: string, chainId?: string): void {
      const wanted = {
        institution: this.getAttribute("institution") ?? "",
        package: this.getAttribute("package") ?? "",
        ...(chainId === undefined ? {} : { chainId }),
      };
      this.#run({ kind: "check", node, wanted });
    }

    #run(order: Asked): void {
      const w = this.#words;
      const begun = performance.now();
      const bar = el("progress", { "aria-label": w.start });
      const status = el("p", { role: "status" }, w.preparing);
      const cancel = el("button", { type: "button", class: "quiet" }, w.cancel);
      cancel.onclick = () => {
        this.#stop();
        this.#idle(w.cancelled);
      };
      this.#show(bar, status, el("p", {}, cancel));
      cancel.focus();
      const end = (nodes: Node[], ...buttons: Node[]): void => {
        const again = el("button", { type: "button", class: "quiet" }, w.again);
        again.onclick = () => {
          this.#stop();
          if (this.hasAttribute("standalone")) this.#idle();
          else this.#run(order);
        };
        this.#show(...nodes, el("div", { class: "row" }, ...buttons, again));
        this.#root.querySelector<HTMLElement>("[tabindex]")?.focus();
      };
      const fail = (message: string): void => end(refusedView(w, undefined, fill(w.broken, { what: message }), this.#about()));
      const [worker, helpers] = this.#start(order, fail);
      let [done, total] = [0, 0];
      const count = (): void => {
        bar.max = total;
        bar.value = done;
        status.textContent = fill(w.progress, { done, total });
      };
      worker.onmessage = ({ data }: MessageEvent<News>) => {
        if (data.kind === "total") {
          total = data.blocks;
          count();
        } else if (data.kind === "done") {
          done += 1;
          count();
        } else if (data.kind === "report") {
          const seconds = ((performance.now() - begun) / 1000).toFixed(1);
          const workers = Math.min(helpers, data.report.blocks);
          const took = el("span", { class: "fine" }, fill(w.took, { seconds, workers }));
          const save = order.kind === "check" ? [this.#saving(w, data.report)] : [];
          end(this.#reported(w, data.report), ...save, took);
        } else if (data.kind === "licence") end(licenceView(w, this.#lang(), data.licence));
        else if (data.kind === "saved") this.#download(data.text);
        else if (data.kind === "refused") end(refusedView(w, new Refused(data.reason, data.message), "", this.#about()));
        else fail(data.message);
      };
    }

    #lang(): string {
      return words("zh") === this.#words ? "zh-CN" : "en-GB";
    }

    /** What a command line would name. */
    #about(): { listing: string; file: string | null } {
      const [institution, id] = [this.getAttribute("institution"), this.getAttribute("package")];
      const listing = institution ? `${institution}/${id ?? ""}` : "";
      return { listing, file: this.getAttribute("standalone-file") };
    }

    #reported(w: Words, report: Report): Node[] {
      const listing = `${report.institution.id}/${report.package}`;
      const about = { listing, file: this.getAttribute("standalone-file") };
      return reportView(w, this.#lang(), report, about, !this.hasAttribute("standalone"));
    }

    /** The button that saves what was asked and answered. */
    #saving(w: Words, report: Report): Node {
      const save = el("button", { type: "button", class: "quiet" }, w.save);
      save.onclick = () => {
        const what: Order = { kind: "save", institution: report.institution.id, package: report.package };
        this.#workers[0]?.postMessage(what);
      };
      return save;
    }

    #download(text: string): void {
      const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      el("a", { href: address, download: "galen-evidence.json" }).click();
      URL.revokeObjectURL(address);
    }
  }
  customElements.define("galen-check", GalenCheck);
}
