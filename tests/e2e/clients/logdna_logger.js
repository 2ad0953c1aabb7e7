// Sends two lines with the npm client @logdna/logger, as its users do, and ends when they are taken.
// Arguments: ingestion key, URL of /logs/ingest.
const { createLogger } = require('@logdna/logger')

const logger = createLogger(process.argv[2], {
  url: process.argv[3], app: 'nodeapp', hostname: 'nodehost', tags: ['a', 'b'], env: 'test'
})
logger.on('error', (error) => {
  console.error(error.message, error.meta)
  process.exit(1)
})
logger.on('cleared', ({ message }) => console.log(message))
logger.info('hello from node', { meta: { user: { id: 7 } } })
logger.error('second line, ünïcode')
