// The door to a browser: all that the suite needs of one, so that any that can be driven may stand behind it.

/** A browser that runs. */
export interface PageBrowser extends AsyncDisposable {
  /**
   * Opens the page at a URL and resolves once it is loaded. It shares no storage and no connections with other pages. With
   * `anyCertificate` it believes whoever it calls; a certificate of a test is nobody's.
   */
  open(url: string, anyCertificate: boolean): Promise<OpenPage>;
}

export interface OpenPage {
  /**
   * Gives the text to `answer`, a global function of the page, and gives the text that this resolves with. Several may be under way
   * at once. Throws when the page is gone.
   */
  ask(text: string): Promise<string>;
  /** Leaves nothing of it. */
  close(): Promise<void>;
}

declare global {
  var answer: (text: string) => Promise<string>;
}
