// Texts and their vectors in one SQLite file. A few thousand passages are searched faster than a
// model answers; beyond that use a database that has an index for vectors.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

interface Passage {
  /** The file that it is from. */
  readonly source: string;
  readonly text: string;
}

export interface Found extends Passage {
  /** 0 to 1: how near its vector is to the question's. */
  readonly score: number;
}

interface TextsAndModel {
  readonly folder: string;
  /** What makes the vectors: those of another model cannot be compared with them. */
  readonly model: string;
  readonly embed: (texts: readonly string[]) => Promise<readonly (readonly number[])[]>;
}

export interface Vectors {
  /** Makes the index what the folder is now. Only passages that are new are embedded. */
  update(from: TextsAndModel): Promise<void>;
  nearest(vector: readonly number[], count: number): Found[];
}

export function openVectors(file: string): Vectors {
  const db = new DatabaseSync(file);
  db.exec(`CREATE TABLE IF NOT EXISTS passages
    (id TEXT PRIMARY KEY, source TEXT NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL) STRICT`);
  const all = db.prepare('SELECT id, source, text, vector FROM passages');
  const insert = db.prepare('INSERT OR REPLACE INTO passages VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM passages WHERE id = ?');

  return {
    async update({ folder, model, embed }) {
      const wanted = new Map(passagesIn(folder).map((passage) => [idOf(passage, model), passage]));
      const kept = new Set(all.all().map(({ id }) => String(id)));
      const added = [...wanted].filter(([id]) => !kept.has(id));
      const vectors = await embed(added.map(([, { text }]) => text));
      for (const id of kept) if (!wanted.has(id)) remove.run(id);
      for (const [at, [id, { source, text }]] of added.entries()) {
        insert.run(id, source, text, new Uint8Array(Float32Array.from(vectors[at] ?? []).buffer));
      }
    },

    nearest(vector, count) {
      return all
        .all()
        .map((row) => ({
          source: String(row['source']),
          text: String(row['text']),
          score: cosine(vector, numbersOf(row['vector'])),
        }))
        .toSorted((a, b) => b.score - a.score)
        .slice(0, count);
    },
  };
}

/** Paragraphs, each under its file's title. */
function passagesIn(folder: string): Passage[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .flatMap((source) => {
      const paragraphs = readFileSync(join(folder, source), 'utf8')
        .trim()
        .split(/\n{2,}/);
      const title = paragraphs[0]?.startsWith('# ') ? (paragraphs.shift() ?? '') : `# ${source}`;
      return paragraphs.map((text) => ({ source, text: `${title}\n${text}` }));
    });
}

function idOf({ source, text }: Passage, model: string): string {
  return createHash('sha256').update(`${model}\n${source}\n${text}`).digest('hex');
}

function numbersOf(blob: unknown): Float32Array {
  if (!(blob instanceof Uint8Array)) throw new TypeError('a vector is not a blob');
  return new Float32Array(blob.slice().buffer);
}

function cosine(a: readonly number[], b: Float32Array): number {
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (const [at, x] of a.entries()) {
    const y = b[at] ?? 0;
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return squaresA && squaresB ? dot / Math.sqrt(squaresA * squaresB) : 0;
}
