/** A letter of a script whose letters join no other, with another such or nothing after it. */
const plain = /^[\p{Lu}\p{Ll}\p{Script=Han}\d](?=[\p{Lu}\p{Ll}\p{Script=Han}\x20-\x7e]|$)/u;

/** What stands in the place of a picture: of the first two words of a name a letter each, as people see letters. */
export function initialsOf(name: string): string {
  const [first, second] = name.split(/[^\p{L}\p{N}\p{M}\p{So}\p{Emoji_Modifier}\u200c\u200d]+/u).filter(Boolean);
  const one = firstLetter(first || name);
  // A Chinese name is known by its last character, and by no two initials.
  return /\p{Script=Han}/u.test(one) ? one : (one + firstLetter(second)).toLocaleUpperCase();
}

function firstLetter(word = ''): string {
  // The first segmenter of a page takes as long as a tenth of its start: most names need none.
  return plain.exec(word)?.[0] ?? [...new Intl.Segmenter().segment(word)][0]?.segment ?? '';
}
