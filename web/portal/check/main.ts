/**
 * One script for both: on a page it defines `<galen-check>`, in a worker it checks. So the workers run
 * the very bytes of the page's script, whose address names their hash.
 */
import { define } from "./element.js";
import { serve } from "./worker.js";

if (typeof document === "undefined") {
  serve(self as unknown as Parameters<typeof serve>[0]);
} else {
  const script = document.currentScript as HTMLScriptElement;
  // In the standalone file the script has no address of its own.
  const inline = (): string => URL.createObjectURL(new Blob([script.textContent ?? ""], { type: "text/javascript" }));
  define(script.src === "" ? inline() : script.src);
}
