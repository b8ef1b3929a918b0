// The passages of a folder of texts, and their vectors, in memory. They are made with the first question.
// For more than some thousand passages, or texts that change, keep them in a database with an index
// for vectors, such as PostgreSQL with pgvector.
import { readFile, readdir } from 'node:fs/promises';

import type { ThreadContext } from 'jims-core';

type Llm = ThreadContext['llm'];
type Vector = readonly number[];

/** Where readers find the texts. */
const SITE = 'https://lighthouse.example/';

export interface Passage {
  readonly url: string;
  readonly title: string;
  readonly text: string;
}

interface Indexed {
  readonly passage: Passage;
  readonly vector: Vector;
}

export class PassageIndex {
  readonly #folder: URL;
  #indexed: Promise<readonly Indexed[]> | undefined;

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** The passages that are nearest to a question, the nearest first. */
  async search(
    question: string,
    { llm, count }: { readonly llm: Llm; readonly count: number },
  ): Promise<readonly Passage[]> {
    const indexed = await this.#all(llm);
    const vector = await llm.createEmbedding(question);
    return indexed
      .map(({ passage, vector: other }) => ({ passage, score: cosine(vector, other) }))
      .toSorted((a, b) => b.score - a.score)
      .slice(0, count)
      .map(({ passage }) => passage);
  }

  /** Questions that come while the index is made wait for it. */
  #all(llm: Llm): Promise<readonly Indexed[]> {
    this.#indexed ??= this.#make(llm).catch((error: unknown) => {
      this.#indexed = undefined;
      throw error;
    });
    return this.#indexed;
  }

  async #make(llm: Llm): Promise<readonly Indexed[]> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.md'));
    const passages = await Promise.all(names.map((name) => this.#passagesOf(name)));
    const all = passages.flat();
    const vectors = await llm.createEmbeddings(all.map(({ title, text }) => `${title}\n${text}`));
    return all.map((passage, at) => ({ passage, vector: vectors[at] ?? [] }));
  }

  /** Paragraphs, each with the title of its file. */
  async #passagesOf(name: string): Promise<readonly Passage[]> {
    const whole = await readFile(new URL(name, this.#folder), 'utf8');
    const [title = name, ...paragraphs] = whole.trim().split(/\n{2,}/);
    const url = new URL(name.replace(/\.md$/, ''), SITE).href;
    return paragraphs.map((text) => ({ url, title: title.replace(/^# /, ''), text }));
  }
}

function cosine(a: Vector, b: Vector): number {
  const dot = a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b) || 1);
}
