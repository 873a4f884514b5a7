// Three calls at once, decoded and merged: `home.js PORT PORT-OF-SERVICES`.
'use strict'

const fastify = require('fastify')
const { Pool } = require('undici')

const KEEP_MS = 600_000
const [port, services] = process.argv.slice(2).map(Number)

// A pool for each service, with as many connections as the largest row has clients.
const pools = ['user', 'orders', 'recommended'].map((name) => ({
  name,
  pool: new Pool(`http://127.0.0.1:${services}`, { connections: 64, keepAliveTimeout: KEEP_MS })
}))

async function decoded ({ name, pool }, id) {
  const { statusCode, body } = await pool.request({ method: 'GET', path: `/${name}/${id}` })
  if (statusCode !== 200) throw new Error(`${name} answered ${statusCode}`)
  return body.json()
}

async function home (request) {
  const id = Number(request.params.id)
  const [user, orders, recommended] = await Promise.all(pools.map((each) => decoded(each, id)))
  return { user, orders, recommended }
}

const server = fastify({ logger: false, keepAliveTimeout: KEEP_MS })
server.get('/home/:id', home)
// The same; there it is what ours does without Python.
server.get('/gathered/:id', home)
server.listen({ port, host: '127.0.0.1', backlog: 4096 })
