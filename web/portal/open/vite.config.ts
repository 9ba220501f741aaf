/** Builds the script of `<galen-open>` beside that of `<galen-check>`, which is built first. */
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  logLevel: "warn",
  build: {
    target: "es2022",
    outDir: process.env["PORTAL_DIST"] ?? here("../dist"),
    emptyOutDir: false,
    lib: { entry: here("main.ts"), formats: ["iife"], name: "galenOpen", fileName: () => "galen-open.js" },
  },
});
