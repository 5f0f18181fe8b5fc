import { benchOverloadReads } from './zz-overload.ts'
console.log(JSON.stringify(await benchOverloadReads((line) => console.log(line)), null, 1))
