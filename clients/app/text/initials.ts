/** What stands in the place of a picture: of the first two words of a name a letter each, as people see letters. */
export function initialsOf(name: string): string {
  // Classes of Unicode, and the first segmenter of a page, take as long as a tenth of its start: most names ask for neither.
  if (!/[^ -~]/.test(name)) {
    const [first, second = ''] = name.split(/[^\da-z]+/i).filter(Boolean);
    return ((first || name).charAt(0) + second.charAt(0)).toLocaleUpperCase();
  }
  // A Chinese name is known by one character, and by no two initials.
  if (/^[\u4e00-\u9fff](?:[\u4e00-\u9fff -~]|$)/.test(name)) return name.charAt(0);
  const [first, second] = name.split(/[^\p{L}\p{N}\p{M}\p{So}\p{Emoji_Modifier}\u200c\u200d]+/u).filter(Boolean);
  const one = letterOf(first || name);
  return /\p{Script=Han}/u.test(one) ? one : (one + letterOf(second)).toLocaleUpperCase();
}

function letterOf(word = ''): string {
  return [...new Intl.Segmenter().segment(word)][0]?.segment ?? '';
}
