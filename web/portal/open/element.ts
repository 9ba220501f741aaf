/**
 * `<galen-open base="/deals/0/browser" token="…">`: opens a bought dataset in this browser, shows how far it
 * is, and offers the files for saving. Without a script, what stands inside the element is shown.
 */
import { el, sheet } from "../check/dom.js";
import type { News, Offered, Order } from "./worker.js";

const UNITS = ["bytes", "KiB", "MiB"];

/** A length as people read it. */
function size(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]!}`;
}

/** Defines the element; the worker is started from this address. */
export function define(workerAddress: string): void {
  class GalenOpen extends HTMLElement {
    #root = this.attachShadow({ mode: "open" });
    #worker: Worker | undefined;
    #addresses: string[] = [];

    connectedCallback(): void {
      this.#root.adoptedStyleSheets = [sheet()];
      this.#open();
    }

    disconnectedCallback(): void {
      this.#stop();
    }

    /** Ends the worker, and with it the key; and lets go of files that were offered. */
    #stop(): void {
      this.#worker?.terminate();
      this.#worker = undefined;
      this.#addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
    }

    #show(...nodes: Node[]): void {
      this.#root.replaceChildren(...nodes);
    }

    #again(label: string): HTMLButtonElement {
      const again = el("button", { type: "button", class: "quiet" }, label);
      again.onclick = () => this.#open();
      return again;
    }

    #open(): void {
      this.#stop();
      const bar = el("progress", { "aria-label": "Opening the dataset" });
      const status = el("p", { role: "status" }, "Asking the wallet for the key that you bought …");
      const cancel = el("button", { type: "button", class: "quiet" }, "Cancel");
      cancel.onclick = () => {
        this.#stop();
        this.#show(el("p", { role: "status" }, "Nothing was opened."), el("p", {}, this.#again("Open in this browser")));
      };
      this.#show(bar, status, el("p", {}, cancel));
      const worker = new Worker(workerAddress);
      this.#worker = worker;
      let [done, total] = [0, 0];
      const fault = (message: string, remedy: string): void => {
        this.#stop();
        const said = el("div", { class: "banner bad", role: "alert", tabindex: "-1" }, el("strong", {}, "Not opened"), el("span", {}, message));
        this.#show(said, el("p", {}, remedy), el("p", {}, this.#again("Try again")));
        said.focus();
      };
      worker.onerror = (event) => fault(`The script failed: ${event.message}`, "Use the command line.");
      worker.onmessage = ({ data }: MessageEvent<News>) => {
        if (data.kind === "total") total = data.segments;
        else if (data.kind === "done") done += 1;
        else if (data.kind === "opened") {
          worker.terminate();
          this.#opened(data.package, data.files, total);
          return;
        } else {
          fault(data.message, data.remedy);
          return;
        }
        bar.max = total;
        bar.value = done;
        status.textContent = `${done} of ${total} segments checked and decrypted`;
      };
      const order: Order = { base: this.getAttribute("base") ?? "", token: this.getAttribute("token") ?? "" };
      worker.postMessage(order);
    }

    #opened(id: string, files: Offered[], segments: number): void {
      const head = el(
        "div",
        { class: "banner good", role: "status", tabindex: "-1" },
        el("strong", {}, "Opened in this browser"),
        "Save what you need: nothing is kept when this page is closed.",
      );
      const offered = files.map(({ path, bytes, content, formulas }) => {
        const address = URL.createObjectURL(content);
        this.#addresses.push(address);
        const link = el("a", { href: address, download: path.replaceAll("/", "-") }, `Save ${path}`);
        const warning =
          formulas.length === 0
            ? []
            : [el("p", { class: "banner warn" }, `Texts of ${formulas.join(", ")} begin like formulas: do not open this file in a spreadsheet. \`galen deal decrypt --format csv\` disarms them.`)];
        return el("li", {}, link, ` (${size(bytes)})`, ...warning);
      });
      const hashed = files.filter((file) => file.hashed).length;
      const checked = [
        `The package is the one of your licence: root, layout, manifest and key commitment hash to ${id}.`,
        `All ${segments} encrypted segments are those that were listed, and each opened under the key that the listing commits to.`,
        ...(hashed > 0 ? [`${hashed === 1 ? "One file has" : `${hashed} files have`} the length and SHA-256 that the manifest declares.`] : []),
      ];
      const list = (kind: string, lines: string[]): HTMLElement => el("ul", { class: kind }, ...lines.map((text) => el("li", {}, text)));
      this.#show(
        head,
        el("ul", {}, ...offered),
        el("h3", {}, "What was checked"),
        list("yes", checked),
        el("h3", {}, "What was not"),
        list("no", [
          "The commitments of columns were not rebuilt from the cells, so nothing was checked that ties the proofs of the listing to these rows: “Open the dataset on this machine” does that.",
        ]),
        el("p", {}, this.#again("Open again")),
      );
      head.focus();
    }
  }
  customElements.define("galen-open", GalenOpen);
}
