// Says what to install where Node is older than `engines` asks for: what comes after this would not even be parsed. Written
// for any Node.
const wanted = require('../package.json').engines.node.replace('>=', '').split('.').map(Number)
const own = process.versions.node.split('.').map(Number)
if (own[0] < wanted[0] || (own[0] === wanted[0] && own[1] < wanted[1])) {
  console.error(`headwater: this is Node ${own.join('.')}; install Node ${wanted.join('.')} or newer.`)
  process.exit(1)
}
