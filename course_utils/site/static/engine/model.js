/**
 * A GPT in the browser: its ONNX file, run by onnxruntime-web as WebAssembly.
 *
 * Inputs and outputs are described in course_utils/site/onnx_model.py.
 */

import * as ort from "../runtime/ort.wasm.bundle.min.mjs";

const WASM = new URL("../runtime/ort-wasm-simd-threaded.wasm.gz", import.meta.url);

/** A file that is stored zipped, as bytes. */
async function unzipped(url) {
  const reply = await fetch(url);
  if (!reply.ok) throw new Error(`${url.pathname}: ${reply.status}`);
  const stream = reply.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

let started;
function startRuntime() {
  started ??= unzipped(WASM).then((binary) => {
    ort.env.wasm.wasmBinary = binary;
    ort.env.wasm.numThreads = 1; // more would need headers that a plain server lacks
    ort.env.logLevel = "error";
  });
  return started;
}

export class Model {
  static async load(url, config) {
    const [file] = await Promise.all([fetch(url), startRuntime()]);
    if (!file.ok) throw new Error(`${url}: ${file.status}`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    const session = await ort.InferenceSession.create(bytes);
    return new Model(session, config);
  }

  constructor(session, config) {
    this.session = session;
    this.config = config;
    const { n_layer: L, n_head: H, n_embd: C } = config;
    this.memoryShape = [L, 2, H, 0, C / H];
    this.heads = new ort.Tensor("float32", new Float32Array(L * H).fill(1), [L, H]);
  }

  /** The same model with one head switched off. */
  without(layer, head) {
    const [L, H] = this.heads.dims;
    const on = new Float32Array(L * H).fill(1);
    on[layer * H + head] = 0;
    const other = new Model(this.session, this.config);
    other.heads = new ort.Tensor("float32", on, [L, H]);
    return other;
  }

  /** What has been read of no text at all. */
  emptyMemory() {
    return new ort.Tensor("float32", new Float32Array(0), this.memoryShape);
  }

  /**
   * Read rows of new tokens, all after the text in `memory`.
   * Asked for by name: logits (B, T, V), weights (L, B, H, T, P + T), present.
   */
  async run(rows, { memory = this.emptyMemory(), outputs = ["logits"] } = {}) {
    const B = rows.length;
    const T = rows[0].length;
    if (memory.dims[3] + T > this.config.n_positions) {
      throw new Error(
        `The text is too long: at most ${this.config.n_positions} tokens fit.`,
      );
    }
    const ids = new ort.Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [B, T]);
    return this.session.run({ ids, past: memory, heads: this.heads }, outputs);
  }

  /** The scores (T, V) of every token of one text, as rows. */
  async logits(ids) {
    const { logits } = await this.run([ids]);
    const V = logits.dims[2];
    return ids.map((_, t) => logits.data.subarray(t * V, (t + 1) * V));
  }

  /** Read one row of tokens; return the last one's scores (V,) and the memory. */
  async read(ids, memory) {
    const outputs = ["logits", "present"];
    const { logits, present } = await this.run([ids], { memory, outputs });
    const V = logits.dims[2];
    const [L, , , H, P, D] = present.dims; // (L, 2, 1, H, P, D): one row
    const kept = present.reshape([L, 2, H, P, D]);
    return { scores: logits.data.slice(-V), memory: kept };
  }
}
