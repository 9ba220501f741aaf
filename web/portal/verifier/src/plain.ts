/** Proofs of circuits without committed inputs. */
import { whole } from "./bytes.js";
import type { Scalar } from "./field.js";
import { readProof, verify } from "./groth16.js";
import type { VerifyingKey } from "./groth16.js";

/** Verifies a proof from its 128 bytes; throws `Refused` if it does not hold. */
export function verifyPlain(key: VerifyingKey, inputs: Scalar[], proof: Uint8Array): void {
  verify(key, inputs, whole(proof, readProof));
}
