// Everything that Triptych needs on Azure, in one resource group of its own.
//   az deployment sub create --location LOCATION --template-file main.bicep --parameters small.parameters.json
// The outputs are what `triptych azure configure` reads.
targetScope = 'subscription'

@description('Start of every name. Lower case letters and digits, because storage accounts take nothing else.')
@minLength(3)
@maxLength(9)
param name string = 'triptych'

@description('Azure region of everything.')
param location string = deployment().location

@description('VM size of the CPU cluster.')
param cpuVmSize string = 'Standard_D4s_v3'

@description('VM size of the GPU cluster.')
param gpuVmSize string = 'Standard_NC4as_T4_v3'

@description('Most nodes the CPU cluster grows to.')
@minValue(1)
param cpuMaxNodes int = 4

@description('Most nodes the GPU cluster grows to; a distributed step needs all of its nodes at once.')
@minValue(1)
param gpuMaxNodes int = 2

@description('LowPriority is cheap and can be taken away in the middle of a step; Dedicated is neither.')
@allowed([
  'Dedicated'
  'LowPriority'
])
param cpuPriority string = 'Dedicated'

@description('The same for the GPU cluster.')
@allowed([
  'Dedicated'
  'LowPriority'
])
param gpuPriority string = 'LowPriority'

@description('Minutes without work after which a node is given back.')
@minValue(2)
param idleMinutes int = 5

@description('Close storage, vault, registry and workspace to the internet: private endpoints and a managed network.')
param isolated bool = false

@description('Build images on the CPU cluster also where it is not isolated: registries of trial subscriptions do not build.')
param buildImagesOnCluster bool = false

@description('Keep the deleted vault for 7 days whatever anybody does; its name is taken until then.')
param purgeProtection bool = true

@description('Redundancy of both storage accounts.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_LRS'

@description('Days after which a step output or an intermediate file of video that nobody has read is deleted.')
@minValue(7)
param deleteUnusedAfterDays int = 90

@description('Where alerts and budget warnings go.')
param alertEmail string

@description('Budget of the resource group a month, in the currency of the subscription.')
@minValue(1)
param monthlyBudget int

@description('First day of the month the budget starts in. It cannot be changed later, so up.sh gives the old one.')
param budgetStart string = utcNow('yyyy-MM-01')

@description('Object id of who submits runs: gets the data roles. Empty: nobody.')
param operatorId string = ''

@description('What operatorId is.')
@allowed([
  'User'
  'Group'
  'ServicePrincipal'
])
param operatorType string = 'User'

// Isolated, the registry is closed to its own builders.
var imagesAreBuiltOnCluster = isolated || buildImagesOnCluster
var suffix = take(uniqueString(subscription().id, name), 6)
var tags = {
  project: name
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}'
  location: location
  tags: tags
}

module logs 'modules/logs.bicep' = {
  name: 'logs'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    alertEmail: alertEmail
  }
}

module media 'modules/storage.bicep' = {
  name: 'media'
  scope: group
  params: {
    name: '${name}media${suffix}'
    location: location
    tags: tags
    sku: storageSku
    containers: [
      'landing'
      'styled'
      'data'
    ]
    isolated: isolated
    logsId: logs.outputs.logsId
  }
}

module work 'modules/storage.bicep' = {
  name: 'work'
  scope: group
  params: {
    name: '${name}work${suffix}'
    location: location
    tags: tags
    sku: storageSku
    containers: [
      'work'
    ]
    isolated: isolated
    logsId: logs.outputs.logsId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${name}-${suffix}'
    location: location
    tags: tags
    isolated: isolated
    purgeProtection: purgeProtection
    logsId: logs.outputs.logsId
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  scope: group
  params: {
    name: '${name}images${suffix}'
    location: location
    tags: tags
    isolated: isolated
    logsId: logs.outputs.logsId
  }
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
  }
}

module workspace 'modules/workspace.bicep' = {
  name: 'workspace'
  scope: group
  params: {
    name: 'mlw-${name}'
    location: location
    tags: tags
    storageId: work.outputs.id
    vaultId: vault.outputs.id
    registryId: registry.outputs.id
    insightsId: logs.outputs.insightsId
    logsId: logs.outputs.logsId
    monitorsIdentityId: identities.outputs.monitorsId
    imagesAreBuiltOnCluster: imagesAreBuiltOnCluster
    isolated: isolated
  }
}

module clusters 'modules/clusters.bicep' = {
  name: 'clusters'
  scope: group
  params: {
    workspaceName: workspace.outputs.name
    location: location
    tags: tags
    cpuVmSize: cpuVmSize
    gpuVmSize: gpuVmSize
    cpuMaxNodes: cpuMaxNodes
    gpuMaxNodes: gpuMaxNodes
    cpuPriority: cpuPriority
    gpuPriority: gpuPriority
    idleMinutes: idleMinutes
    cpuIdentityId: identities.outputs.cpuId
    gpuIdentityId: identities.outputs.gpuId
    isolated: isolated
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    workspaceName: workspace.outputs.name
    mediaName: media.outputs.name
    workName: work.outputs.name
    registryName: registry.outputs.name
    cpuPrincipalId: identities.outputs.cpuPrincipalId
    gpuPrincipalId: identities.outputs.gpuPrincipalId
    monitorsPrincipalId: identities.outputs.monitorsPrincipalId
    operatorId: operatorId
    operatorType: operatorType
    imagesAreBuiltOnCluster: imagesAreBuiltOnCluster
  }
}

module network 'modules/network.bicep' = if (isolated) {
  name: 'network'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    endpoints: [
      { name: 'media-blob', id: media.outputs.id, target: 'blob' }
      { name: 'media-queue', id: media.outputs.id, target: 'queue' }
      { name: 'work-blob', id: work.outputs.id, target: 'blob' }
      { name: 'work-file', id: work.outputs.id, target: 'file' }
      { name: 'vault', id: vault.outputs.id, target: 'vault' }
      { name: 'registry', id: registry.outputs.id, target: 'registry' }
      { name: 'workspace', id: workspace.outputs.id, target: 'amlworkspace' }
    ]
  }
}

module outbound 'modules/outbound.bicep' = if (isolated) {
  name: 'outbound'
  scope: group
  params: {
    workspaceName: workspace.outputs.name
    workspacePrincipalId: workspace.outputs.principalId
    mediaName: media.outputs.name
    workName: work.outputs.name
  }
}

module retention 'modules/retention.bicep' = {
  name: 'retention'
  scope: group
  params: {
    accountName: work.outputs.name
    workspaceGuid: workspace.outputs.guid
    deleteUnusedAfterDays: deleteUnusedAfterDays
  }
}

module budget 'modules/budget.bicep' = {
  name: 'budget'
  scope: group
  params: {
    name: name
    amount: monthlyBudget
    start: budgetStart
    alertEmail: alertEmail
    actionGroupId: logs.outputs.actionGroupId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: name
    tags: tags
    workspaceId: workspace.outputs.id
    logsName: logs.outputs.logsName
    actionGroupId: logs.outputs.actionGroupId
  }
}

@description('Subscription everything lies in.')
output subscriptionId string = subscription().subscriptionId

@description('Resource group; down.sh deletes it.')
output resourceGroup string = group.name

@description('Azure ML workspace.')
output workspace string = workspace.outputs.name

@description('Cluster of the steps without the tag gpu.')
output cpuCluster string = clusters.outputs.cpuName

@description('Cluster of the steps with the tag gpu.')
output gpuCluster string = clusters.outputs.gpuName

@description('External storage account: containers landing, styled, data.')
output mediaAccount string = media.outputs.name

@description('Internal storage account: the default of the workspace, and the work folders.')
output workAccount string = work.outputs.name

@description('Whether storage, workspace and endpoints are closed to the internet.')
output isolated bool = isolated
