// Judges cases with the outside evaluator: one JSON line in, one word out, until stdin ends.
//
// Its engine is called below its public entry, which checks inputs against its own copy of AWS's
// service data and drops condition keys that are not in it; the rules are the same.
import { createInterface } from 'node:readline'
import { loadPolicy } from './node_modules/@cloud-copilot/iam-policy/dist/esm/index.js'

const engine = './node_modules/@cloud-copilot/iam-simulate/dist/esm'
const { authorize } = await import(`${engine}/core_engine/CoreSimulatorEngine.js`)
const { AwsRequestImpl } = await import(`${engine}/request/request.js`)
const { RequestContextImpl } = await import(`${engine}/requestContext.js`)
const { DiscoveryContextKeyConstraints } = await import(
  `${engine}/context_keys/discoveryContextKeyConstraints.js`
)

const simulationParameters = {
  simulationMode: 'Strict',
  discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([])
}

function load(documents) {
  return documents?.map((document, place) => loadPolicy(document, { name: `policy ${place}` }))
}

function judge({ principal, action, resource, account, context, sets }) {
  const request = new AwsRequestImpl(
    principal,
    { resource, accountId: account },
    action,
    new RequestContextImpl(context),
    resource === '*'
  )
  const found = authorize({
    request,
    identityPolicies: load(sets.identity),
    permissionBoundaries: load(sets.boundary),
    sessionPolicy: load(sets.session)?.[0],
    resourcePolicy: load(sets.resource)?.[0],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    vpcEndpointPolicies: undefined,
    simulationParameters,
    serviceSettings: {}
  })
  return found.result
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = judge(JSON.parse(line))
  } catch (error) {
    answer = `error: ${error.message}`.replaceAll('\n', ' ')
  }
  process.stdout.write(`${answer}\n`)
}
