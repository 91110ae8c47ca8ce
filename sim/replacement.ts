/** A change of the text of one file of src/ before it is bundled. */
export interface Replacement {
  /** Path from the root of the repository. */
  file: string;
  old: string;
  new: string;
  /** It hands values on where there is text otherwise, which nothing can that is of several versions. */
  passesValues?: true;
}
