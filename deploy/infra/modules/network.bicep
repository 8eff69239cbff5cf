// A virtual network from which the closed services can be reached. Join it by VPN, peering or a machine inside it.
@description('Start of the names.')
param name string

@description('Azure region.')
param location string

@description('Tags.')
param tags object

@description('Address space; change it where it overlaps with networks you peer with.')
param addressPrefix string = '10.42.0.0/24'

@description('Addresses of the function of function.bicep, where there is one.')
param functionsPrefix string = '10.42.1.0/26'

@description('What gets a private endpoint: name, id, and target (blob, queue, file, vault, registry, amlworkspace).')
param endpoints array

var zones = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.queue.${environment().suffixes.storage}'
  'privatelink.file.${environment().suffixes.storage}'
  'privatelink.vaultcore.azure.net'
  'privatelink${environment().suffixes.acrLoginServer}'
  'privatelink.api.azureml.ms'
  'privatelink.notebooks.azure.net'
  'privatelink.table.${environment().suffixes.storage}'
]
var zonesOf = {
  blob: [zones[0]]
  queue: [zones[1]]
  file: [zones[2]]
  vault: [zones[3]]
  registry: [zones[4]]
  amlworkspace: [zones[5], zones[6]]
}

resource rules 'Microsoft.Network/networkSecurityGroups@2023-11-01' = {
  name: 'nsg-${name}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'deny-from-internet'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// Subnets stand within the network: as resources of their own they are at risk when it is deployed again, as its list of
// them would be empty.
resource network 'Microsoft.Network/virtualNetworks@2023-11-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
        functionsPrefix
      ]
    }
    subnets: [
      {
        name: 'endpoints'
        properties: {
          addressPrefix: addressPrefix
          networkSecurityGroup: {
            id: rules.id
          }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
      {
        name: 'functions'
        properties: {
          addressPrefix: functionsPrefix
          networkSecurityGroup: {
            id: rules.id
          }
          delegations: [
            {
              name: 'functions'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
    ]
  }
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2023-11-01' existing = {
  parent: network
  name: 'endpoints'
}

resource dns 'Microsoft.Network/privateDnsZones@2020-06-01' = [for zone in zones: {
  name: zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [for (zone, index) in zones: {
  parent: dns[index]
  name: 'to-${name}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

resource doors 'Microsoft.Network/privateEndpoints@2023-11-01' = [for endpoint in endpoints: {
  name: 'pe-${name}-${endpoint.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnet.id
    }
    privateLinkServiceConnections: [
      {
        name: endpoint.name
        properties: {
          privateLinkServiceId: endpoint.id
          groupIds: [
            endpoint.target
          ]
        }
      }
    ]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2023-11-01' = [for (endpoint, index) in endpoints: {
  parent: doors[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [for zone in zonesOf[endpoint.target]: {
      name: replace(zone, '.', '-')
      properties: {
        privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zone)
      }
    }]
  }
  dependsOn: [
    dns
  ]
}]
