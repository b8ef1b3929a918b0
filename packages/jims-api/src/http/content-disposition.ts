// The header content-disposition, as RFC 6266 has it.

const PLAIN = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))/i;
const EXTENDED = /;\s*filename\*\s*=\s*utf-8'[^']*'([^\s;]+)/i;
/** Headers are longer than any name that is kept. */
const MAX_HEADER = 4096;

/** The name that a header gives a file. */
export function nameInDisposition(header: string | null): string | undefined {
  const text = header?.slice(0, MAX_HEADER) ?? '';
  const extended = EXTENDED.exec(text)?.[1];
  if (extended !== undefined) return decoded(extended);
  const [, quoted, bare] = PLAIN.exec(text) ?? [];
  if (quoted !== undefined) return utf8(quoted.replaceAll(/\\(.)/g, '$1'));
  return bare === undefined ? undefined : utf8(bare);
}

/** A header that makes a client save a file under its name, and never show it as a page. */
export function attachment(name: string): string {
  const ascii = name.replaceAll(/[^ -~]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Clients send UTF-8, and headers are read byte by byte. */
function utf8(name: string): string {
  if (!/[\u0080-\u00ff]/.test(name) || /[^\0-\u00ff]/.test(name)) return name;
  const text = Buffer.from(name, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? name : text;
}
