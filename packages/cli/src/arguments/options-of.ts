/** The options that a function declares on a command. */
// biome-ignore lint/suspicious/noExplicitAny: whatever else it takes
export type OptionsOf<Declare extends (...args: any[]) => { opts(): unknown }> = ReturnType<ReturnType<Declare>['opts']>
