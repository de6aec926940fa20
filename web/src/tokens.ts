// Tokens as they are shown: white space and control characters get a glyph, the text itself stays as it is.

export interface Piece {
  text: string;
  /** Drawn instead of, or beside, the text; never copied. */
  glyph: string;
  /** What the glyph does: stands before a line break, over a blank, in place of a control character. */
  kind: "plain" | "newline" | "blank" | "control";
}

const WHITE = /(\r\n|[\n\r\t\u00a0 ]|[\u0000-\u001f\u007f])/;

/** The parts of a token. Most tokens are one plain part. */
export function pieces(token: string): Piece[] {
  if (token === "") return [{ text: "", glyph: "∅", kind: "control" }];
  return token
    .split(WHITE)
    .filter((part) => part !== "")
    .map(piece);
}

function piece(text: string): Piece {
  switch (text) {
    case "\n":
      return { text, glyph: "⏎", kind: "newline" };
    case "\r\n":
      return { text, glyph: "⏎", kind: "newline" };
    case "\r":
      return { text: "", glyph: "␍", kind: "control" };
    case "\t":
      return { text, glyph: "⇥", kind: "blank" };
    case " ":
      return { text, glyph: "·", kind: "blank" };
    case "\u00a0":
      return { text, glyph: "⍽", kind: "blank" };
  }
  const code = text.charCodeAt(0);
  if (text.length === 1 && (code < 32 || code === 127)) {
    return { text: "", glyph: String.fromCharCode(code === 127 ? 0x2421 : 0x2400 + code), kind: "control" };
  }
  return { text, glyph: "", kind: "plain" };
}

/** Words without the white space between them need a gap to be told apart. */
export function needGaps(tokens: string[]): boolean {
  return tokens.some((t) => [...t].length > 1) && !tokens.some((t) => /\s/.test(t));
}

/** A token in words, for tips and readers. */
export function spoken(token: string): string {
  if (token === "") return "empty";
  return pieces(token)
    .map((p) => (p.kind === "plain" ? p.text : p.glyph))
    .join("");
}
