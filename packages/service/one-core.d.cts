/** To be loaded by `node --require`; it gives nothing. */
export {}
