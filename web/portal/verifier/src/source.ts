/** Where answers come from: a node, or a file of answers that were saved from one. */
import type { Ask } from "./check.js";
import { concat } from "./bytes.js";
import { fields, text } from "./json.js";
import { Refused } from "./refused.js";

/** The longest answer: a part of what a browser can hold, and more than any honest node answers here. */
const MAX_ANSWER_BYTES = 16 << 20;
/** The longest file of saved answers. */
const MAX_SAVED_BYTES = 512 << 20;
const FORMAT = "galen-evidence-1";

const refuse = (what: string): Refused => new Refused("unreachable", what);

async function bounded(response: Response, path: string): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MAX_ANSWER_BYTES) {
      await reader.cancel();
      throw refuse(`${path}: the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    parts.push(value);
  }
  return concat(...parts);
}

/** Asks a node at an address. Nothing is sent but the path. */
export function nodeSource(address: string): Ask {
  const base = address.replace(/\/+$/, "");
  return async (path) => {
    let response: Response;
    try {
      response = await fetch(`${base}/api/v1/${path}`, {
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
      });
    } catch {
      throw refuse(`${path}: no answer from ${base === "" ? "the node" : base}`);
    }
    if (!response.ok) throw refuse(`${path}: the node answers with status ${response.status}`);
    try {
      return await bounded(response, path);
    } catch (error) {
      throw error instanceof Refused ? error : refuse(`${path}: the answer broke off`);
    }
  };
}

/** Answers that were given, so that they can be saved and checked again elsewhere. */
export class Evidence {
  readonly #answers = new Map<string, string>();

  /** The same source; what it answers is kept. */
  keeping(ask: Ask): Ask {
    return async (path) => {
      const bytes = await ask(path);
      this.#answers.set(path, new TextDecoder().decode(bytes));
      return bytes;
    };
  }

  /** What was kept, with the listing that it is about. */
  save(institution: string, id: string): string {
    const answers = Object.fromEntries(this.#answers);
    return JSON.stringify({ format: FORMAT, institution, package: id, answers });
  }
}

/** Reads saved answers: the listing that they are about, and a source of them. */
export function savedSource(bytes: Uint8Array): { institution: string; package: string; ask: Ask } {
  if (bytes.length > MAX_SAVED_BYTES) throw new Refused("encoding", `the file is longer than ${MAX_SAVED_BYTES} bytes`);
  let file: unknown;
  try {
    file = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refused("encoding", "the file is not JSON");
  }
  const saved = fields(file, "the file");
  if (saved["format"] !== FORMAT) throw new Refused("encoding", `the file is not of the form ${FORMAT}`);
  const answers = fields(saved["answers"], "the file: answers");
  const ask: Ask = async (path) => {
    if (!Object.hasOwn(answers, path)) throw refuse(`${path}: not in the file`);
    return new TextEncoder().encode(text(answers[path], path));
  };
  return { institution: text(saved["institution"], "institution"), package: text(saved["package"], "package"), ask };
}
