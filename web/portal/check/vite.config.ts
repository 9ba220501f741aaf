/**
 * Builds the script of `<galen-check>`, and the standalone file that holds it. Both are committed in
 * web/portal/dist, so that building a node needs no Node; tests/proofs.rs builds them again and compares.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";
import type { Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Puts the built script into the page of the standalone file. */
const standalone = (): Plugin => ({
  name: "standalone",
  generateBundle(_, bundle) {
    const script = bundle["galen-check.js"];
    if (script?.type !== "chunk") throw new Error("there is no script");
    // The only text that would end the element early.
    const code = script.code.replace(/<\/(script)/gi, "<\\/$1");
    const page = readFileSync(here("standalone.html"), "utf8").replace("/* SCRIPT */", () => code.trimEnd());
    this.emitFile({ type: "asset", fileName: "galen-check.html", source: page });
  },
});

export default defineConfig({
  root: here("."),
  logLevel: "warn",
  plugins: [standalone()],
  build: {
    target: "es2022",
    outDir: process.env["PORTAL_DIST"] ?? here("../dist"),
    emptyOutDir: true,
    lib: { entry: here("main.ts"), formats: ["iife"], name: "galenCheck", fileName: () => "galen-check.js" },
  },
});
