// Registers Reset & Resend in a Microsoft Entra tenant.
// bicepconfig.json beside this file names the extension:
//   { "extensions": { "microsoftGraphV1": "br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:1.0.0" } }
// az deployment group create --resource-group GROUP --template-file setup.bicep
//
// What the connector asks for, and why:
//   User.Read                               delegated    e1fe6dd8-ba31-4d61-89e7-88639da4683d  The admin’s own groups and roles; name and domains of the organisation.
//   User.Read.All                           delegated    a154be20-db9c-4678-8ab7-66f6cc099a59  People: found by name and address, guest, blocked or synchronised, addresses on file, last change.
//   User-PasswordProfile.ReadWrite.All      delegated    56760768-b641-451f-8906-e1b8ab31bca7  Sets the password of a cloud account.
//   RoleManagement.Read.Directory           delegated    741c54c3-0c1e-44a1-818b-3f97ab4e8c83  Administrator roles of admin and person, over what.
//   GroupMember.Read.All                    delegated    bc024368-1153-4739-b217-4326f2e966d0  Is somebody in a group to which roles can be assigned?
//   AdministrativeUnit.Read.All             delegated    3361d15d-be43-4de6-b441-3c746d05163d  Is somebody in a unit with restricted management?
//   User.RevokeSessions.All                 delegated    fc30e98b-8810-4501-81f5-c20a3196387b  Ends the sessions of the old password.
//   UserAuthenticationMethod.ReadWrite.All  delegated    b7887744-6746-4312-813d-72daeaee7e2d  Resets the password of a synchronised person (writeback); gives out a Temporary Access Pass.
//   User-Mail.ReadWrite.All                 delegated    6166886a-9576-433b-8544-658177bdef1d  Puts a confirmed address on file (otherMails).
//   Domain.Read.All                         delegated    2f9ee017-59c1-4f1d-9472-bd5529a7b311  Says before anything is sent that a domain is federated.
//   offline_access                          delegated    7427e0e9-2fba-42fe-b0c0-848c9e6a8182  Finish a reset after the admin has left: change the password once the mail is accepted, scramble it at its end.
extension microsoftGraphV1

// Registration of the extension
resource extensionApp 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: 'reset-and-resend-extension'
  displayName: 'Reset & Resend extension'
  signInAudience: 'AzureADMyOrg'
  spa: {
    redirectUris: [
      'https://ehgklkmaaldpgkaiebolcafcmkcachbi.chromiumapp.org/'
      'https://c5a5c2ae879491c7efaf59b81b1de6d8e1289d3e.extensions.allizom.org/'
    ]
  }
  requiredResourceAccess: [
    {
      resourceAppId: '00000003-0000-0000-c000-000000000000'
      resourceAccess: [
        {
          id: '37f7f235-527c-4136-accd-4a02d197296e'
          type: 'Scope'
        }
        {
          id: '14dad69e-099b-42c9-810b-d002981feec1'
          type: 'Scope'
        }
        {
          id: '7427e0e9-2fba-42fe-b0c0-848c9e6a8182'
          type: 'Scope'
        }
      ]
    }
  ]
}

// Registration of the connector
resource connectorApp 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: 'reset-and-resend-connector'
  displayName: 'Reset & Resend connector'
  signInAudience: 'AzureADMyOrg'
  groupMembershipClaims: 'DirectoryRole'
  optionalClaims: {
    accessToken: [
      {
        name: 'xms_cc'
      }
      {
        name: 'idtyp'
      }
    ]
  }
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: 'd713846c-6b8d-42d3-87b5-044fd3063c07'
        value: 'Passwords.Reset'
        type: 'Admin'
        isEnabled: true
        adminConsentDisplayName: 'Reset passwords'
        adminConsentDescription: 'Reset people’s passwords as far as the signed-in administrator’s own roles allow.'
      }
    ]
    preAuthorizedApplications: [
      {
        appId: extensionApp.appId
        delegatedPermissionIds: [
          'd713846c-6b8d-42d3-87b5-044fd3063c07'
        ]
      }
    ]
  }
  requiredResourceAccess: [
    {
      resourceAppId: '00000003-0000-0000-c000-000000000000'
      resourceAccess: [
        {
          id: 'e1fe6dd8-ba31-4d61-89e7-88639da4683d'
          type: 'Scope'
        }
        {
          id: 'a154be20-db9c-4678-8ab7-66f6cc099a59'
          type: 'Scope'
        }
        {
          id: '56760768-b641-451f-8906-e1b8ab31bca7'
          type: 'Scope'
        }
        {
          id: '741c54c3-0c1e-44a1-818b-3f97ab4e8c83'
          type: 'Scope'
        }
        {
          id: 'bc024368-1153-4739-b217-4326f2e966d0'
          type: 'Scope'
        }
        {
          id: '3361d15d-be43-4de6-b441-3c746d05163d'
          type: 'Scope'
        }
        {
          id: 'fc30e98b-8810-4501-81f5-c20a3196387b'
          type: 'Scope'
        }
        {
          id: 'b7887744-6746-4312-813d-72daeaee7e2d'
          type: 'Scope'
        }
        {
          id: '6166886a-9576-433b-8544-658177bdef1d'
          type: 'Scope'
        }
        {
          id: '2f9ee017-59c1-4f1d-9472-bd5529a7b311'
          type: 'Scope'
        }
        {
          id: '7427e0e9-2fba-42fe-b0c0-848c9e6a8182'
          type: 'Scope'
        }
      ]
    }
  ]
  web: {
    redirectUris: [
      'https://reset.contoso.com/healthz'
    ]
  }
}

// Service principal of the extension
resource extensionPrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: extensionApp.appId
}

// Service principal of the connector
resource connectorPrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: connectorApp.appId
}

// Microsoft Graph
resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

// Consent for the extension: signing in
resource extensionConsent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = {
  clientId: extensionPrincipal.id
  consentType: 'AllPrincipals'
  resourceId: graph.id
  scope: 'openid profile offline_access'
}

// Consent for the connector: on behalf of the signed-in admin
resource connectorConsent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = {
  clientId: connectorPrincipal.id
  consentType: 'AllPrincipals'
  resourceId: graph.id
  scope: 'User.Read User.Read.All User-PasswordProfile.ReadWrite.All RoleManagement.Read.Directory GroupMember.Read.All AdministrativeUnit.Read.All User.RevokeSessions.All UserAuthenticationMethod.ReadWrite.All User-Mail.ReadWrite.All Domain.Read.All offline_access'
}

output extensionClientId string = extensionApp.appId
output connectorClientId string = connectorApp.appId
output connectorObjectId string = connectorPrincipal.id

// Afterwards, with EXTENSION_APP, CONNECTOR_APP and CONNECTOR_PRINCIPAL set to these three outputs:
//   # Address of the connector’s API, and who may use it unasked: the extension
//   az ad app update --id "$CONNECTOR_APP" --identifier-uris 'api://'"$CONNECTOR_APP"
//   # The connector has no certificate yet. Make one, then run setup again with --certificate connector.crt:
//   #   openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=reset-and-resend -keyout connector.key -out connector.crt
//   # Exchange limits the connector to the one mailbox (Exchange Online PowerShell)
//   Connect-ExchangeOnline -ExchangeEnvironmentName O365Default
//   New-ServicePrincipal -AppId $CONNECTOR_APP -ObjectId $CONNECTOR_PRINCIPAL -DisplayName 'Reset & Resend connector'
//   New-ManagementScope -Name 'Reset & Resend mailbox' -RecipientRestrictionFilter 'PrimarySmtpAddress -eq ''reset@contoso.com'''
//   New-ManagementRoleAssignment -App $CONNECTOR_PRINCIPAL -Role 'Application Mail.Send' -CustomResourceScope 'Reset & Resend mailbox'
//   Test-ServicePrincipalAuthorization -Identity $CONNECTOR_PRINCIPAL -Resource 'reset@contoso.com'
//   # The settings of the connector
//   RR_DIRECTORY=graph://11111111-2222-4333-8444-555555555555
//   RR_GRAPH_AS=admin
//   RR_CLIENT_ID=$CONNECTOR_APP
//   RR_EXTENSION_CLIENT_ID=$EXTENSION_APP
//   RR_MAIL=graph://reset@contoso.com
//   RR_MAIL_FROM=reset@contoso.com
//   # Should consent have been refused above, an administrator gives it here
//   https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/adminconsent?client_id=$CONNECTOR_APP&redirect_uri=https%3A%2F%2Freset.contoso.com%2Fhealthz
