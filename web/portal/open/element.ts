/**
 * `<galen-open base="/deals/0/browser" token="…">`: opens a bought dataset in this browser, shows how far it
 * is, and offers the files for saving. Without a script, what stands inside the element is shown.
 */
import { el, sheet } from "../check/dom.js";
import { fill } from "../check/words.js";
import type { Values } from "./fault.js";
import type { Reason } from "./words.js";
import { words } from "./words.js";
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

/** A name or text of others, without letters that are not seen or turn others round: `gnp.exe` would look like a picture. */
const seen = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");

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

    #words(): ReturnType<typeof words> {
      return words(this.closest("[lang]")?.getAttribute("lang") ?? "en");
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
      const w = this.#words();
      const bar = el("progress", { "aria-label": w.bar });
      const status = el("p", { role: "status" }, w.asking);
      const cancel = el("button", { type: "button", class: "quiet" }, w.cancel);
      cancel.onclick = () => {
        this.#stop();
        this.#show(el("p", { role: "status" }, w.nothing), el("p", {}, this.#again(w.open)));
      };
      this.#show(bar, status, el("p", {}, cancel));
      const worker = new Worker(workerAddress);
      this.#worker = worker;
      let [done, total] = [0, 0];
      const fault = (reason: Reason, values: Values, served?: string): void => {
        this.#stop();
        const [message, remedy] = w.faults[reason];
        const plain = Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? seen(value) : value]);
        const said = el("div", { class: "banner bad", role: "alert", tabindex: "-1" }, el("strong", {}, w.notOpened), el("span", {}, fill(message, Object.fromEntries(plain) as Values)));
        this.#show(said, el("p", {}, served ?? remedy), el("p", {}, this.#again(w.again)));
        said.focus();
      };
      worker.onerror = (event) => fault("script", { what: event.message });
      worker.onmessage = ({ data }: MessageEvent<News>) => {
        if (data.kind === "total") total = data.segments;
        else if (data.kind === "done") done += 1;
        else if (data.kind === "opened") {
          worker.terminate();
          this.#opened(data.package, data.files, total);
          return;
        } else {
          fault(data.reason, data.values, data.remedy);
          return;
        }
        bar.max = total;
        bar.value = done;
        status.textContent = fill(w.progress, { done, total });
      };
      const order: Order = { base: this.getAttribute("base") ?? "", token: this.getAttribute("token") ?? "" };
      worker.postMessage(order);
    }

    #opened(id: string, files: Offered[], segments: number): void {
      const w = this.#words();
      const head = el(
        "div",
        { class: "banner good", role: "status", tabindex: "-1" },
        el("strong", {}, w.opened),
        w.save,
      );
      const offered = files.map(({ path: named, bytes, content, formulas }) => {
        const path = seen(named);
        const address = URL.createObjectURL(content);
        this.#addresses.push(address);
        const link = el("a", { href: address, download: path.replaceAll("/", "-") }, fill(w.saveOne, { path }));
        const warning =
          formulas.length === 0
            ? []
            : [el("p", { class: "banner warn" }, fill(w.formulas, { columns: formulas.map(seen).join(w.separator) }))];
        return el("li", {}, link, ` (${size(bytes)})`, ...warning);
      });
      const hashed = files.filter((file) => file.hashed).length;
      const checked = [
        fill(w.ofLicence, { id }),
        fill(w.segments, { count: segments }),
        ...(hashed > 0 ? [fill(hashed === 1 ? w.hashedOne : w.hashed, { count: hashed })] : []),
      ];
      const list = (kind: string, lines: string[]): HTMLElement => el("ul", { class: kind }, ...lines.map((text) => el("li", {}, text)));
      this.#show(
        head,
        el("ul", {}, ...offered),
        el("h3", {}, w.checked),
        list("yes", checked),
        el("h3", {}, w.unchecked),
        list("no", [w.columns]),
        el("p", {}, this.#again(w.openAgain)),
      );
      head.focus();
    }
  }
  customElements.define("galen-open", GalenOpen);
}
