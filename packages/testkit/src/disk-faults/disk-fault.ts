/** What is to happen to a process at one of its renames and syncs. */
export interface DiskFault {
  /** Which of them, from 1 on. */
  readonly at: number
  /**
   * `full disk`: it and every later write fail with ENOSPC. `slow disk`: it and every later rename and sync take a fifth of a second more.
   * `clock`: nothing but `clockMs`.
   */
  readonly kind: 'kill before' | 'kill behind' | 'full disk' | 'slow disk' | 'clock'
  /** The wall clock jumps by as much. */
  readonly clockMs?: number
}
