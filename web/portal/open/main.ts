/** One script for both: on a page it defines `<galen-open>`, in a worker it opens. */
import { define } from "./element.js";
import { serve } from "./worker.js";

if (typeof document === "undefined") serve(self as unknown as Parameters<typeof serve>[0]);
else define((document.currentScript as HTMLScriptElement).src);
