#!/usr/bin/env bash
# Registers Reset & Resend in a Microsoft Entra tenant. Can be run again. Needs the Azure CLI and, to consent,
# a Global Administrator or a Privileged Role Administrator.
#
# What the connector asks for, and why:
#   User.Read                               delegated    e1fe6dd8-ba31-4d61-89e7-88639da4683d  The admin’s own groups and roles; name and domains of the organisation.
#   User.Read.All                           delegated    a154be20-db9c-4678-8ab7-66f6cc099a59  People: found by name and address, guest, blocked or synchronised, addresses on file, last change.
#   User-PasswordProfile.ReadWrite.All      delegated    56760768-b641-451f-8906-e1b8ab31bca7  Sets the password of a cloud account.
#   RoleManagement.Read.Directory           delegated    741c54c3-0c1e-44a1-818b-3f97ab4e8c83  Administrator roles of admin and person, over what.
#   GroupMember.Read.All                    delegated    bc024368-1153-4739-b217-4326f2e966d0  Is somebody in a group to which roles can be assigned?
#   AdministrativeUnit.Read.All             delegated    3361d15d-be43-4de6-b441-3c746d05163d  Is somebody in a unit with restricted management?
#   User.RevokeSessions.All                 delegated    fc30e98b-8810-4501-81f5-c20a3196387b  Ends the sessions of the old password.
#   UserAuthenticationMethod.ReadWrite.All  delegated    b7887744-6746-4312-813d-72daeaee7e2d  Resets the password of a synchronised person (writeback); gives out a Temporary Access Pass.
#   User-Mail.ReadWrite.All                 delegated    6166886a-9576-433b-8544-658177bdef1d  Puts a confirmed address on file (otherMails).
#   Domain.Read.All                         delegated    2f9ee017-59c1-4f1d-9472-bd5529a7b311  Says before anything is sent that a domain is federated.
#   offline_access                          delegated    7427e0e9-2fba-42fe-b0c0-848c9e6a8182  Finish a reset after the admin has left: change the password once the mail is accepted, scramble it at its end.
set -euo pipefail

az cloud set --name AzureCloud
az login --tenant '11111111-2222-4333-8444-555555555555' --allow-no-subscriptions --output none
graph() { az rest --resource 'https://graph.microsoft.com' --headers 'Content-Type=application/json' "$@"; }
upsert() { az rest --resource 'https://graph.microsoft.com' --headers 'Content-Type=application/json' 'Prefer=create-if-missing' --method PATCH "$@"; }

# Registration of the extension
upsert --url 'https://graph.microsoft.com/v1.0/applications(uniqueName='\''reset-and-resend-extension'\'')' --body '{"displayName":"Reset & Resend extension","signInAudience":"AzureADMyOrg","spa":{"redirectUris":["https://ehgklkmaaldpgkaiebolcafcmkcachbi.chromiumapp.org/","https://c5a5c2ae879491c7efaf59b81b1de6d8e1289d3e.extensions.allizom.org/"]},"requiredResourceAccess":[{"resourceAppId":"00000003-0000-0000-c000-000000000000","resourceAccess":[{"id":"37f7f235-527c-4136-accd-4a02d197296e","type":"Scope"},{"id":"14dad69e-099b-42c9-810b-d002981feec1","type":"Scope"},{"id":"7427e0e9-2fba-42fe-b0c0-848c9e6a8182","type":"Scope"}]}]}'
EXTENSION_APP=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/applications(uniqueName='\''reset-and-resend-extension'\'')' --query appId --output tsv)

# Registration of the connector
upsert --url 'https://graph.microsoft.com/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --body '{"displayName":"Reset & Resend connector","signInAudience":"AzureADMyOrg","groupMembershipClaims":"DirectoryRole","optionalClaims":{"accessToken":[{"name":"xms_cc"},{"name":"idtyp"}]},"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"d713846c-6b8d-42d3-87b5-044fd3063c07","value":"Passwords.Reset","type":"Admin","isEnabled":true,"adminConsentDisplayName":"Reset passwords","adminConsentDescription":"Reset people’s passwords as far as the signed-in administrator’s own roles allow."}]},"requiredResourceAccess":[{"resourceAppId":"00000003-0000-0000-c000-000000000000","resourceAccess":[{"id":"e1fe6dd8-ba31-4d61-89e7-88639da4683d","type":"Scope"},{"id":"a154be20-db9c-4678-8ab7-66f6cc099a59","type":"Scope"},{"id":"56760768-b641-451f-8906-e1b8ab31bca7","type":"Scope"},{"id":"741c54c3-0c1e-44a1-818b-3f97ab4e8c83","type":"Scope"},{"id":"bc024368-1153-4739-b217-4326f2e966d0","type":"Scope"},{"id":"3361d15d-be43-4de6-b441-3c746d05163d","type":"Scope"},{"id":"fc30e98b-8810-4501-81f5-c20a3196387b","type":"Scope"},{"id":"b7887744-6746-4312-813d-72daeaee7e2d","type":"Scope"},{"id":"6166886a-9576-433b-8544-658177bdef1d","type":"Scope"},{"id":"2f9ee017-59c1-4f1d-9472-bd5529a7b311","type":"Scope"},{"id":"7427e0e9-2fba-42fe-b0c0-848c9e6a8182","type":"Scope"}]}],"web":{"redirectUris":["https://reset.contoso.com/healthz"]}}'
CONNECTOR_APP=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --query appId --output tsv)
CONNECTOR_OBJECT=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --query id --output tsv)

# Address of the connector’s API, and who may use it unasked: the extension
upsert --url 'https://graph.microsoft.com/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --body '{"displayName":"Reset & Resend connector","identifierUris":["api://'"$CONNECTOR_APP"'"],"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"d713846c-6b8d-42d3-87b5-044fd3063c07","value":"Passwords.Reset","type":"Admin","isEnabled":true,"adminConsentDisplayName":"Reset passwords","adminConsentDescription":"Reset people’s passwords as far as the signed-in administrator’s own roles allow."}],"preAuthorizedApplications":[{"appId":"'"$EXTENSION_APP"'","delegatedPermissionIds":["d713846c-6b8d-42d3-87b5-044fd3063c07"]}]}}'

# Service principal of the extension
upsert --url 'https://graph.microsoft.com/v1.0/servicePrincipals(appId='\'''"$EXTENSION_APP"''\'')' --body '{"displayName":"Reset & Resend extension"}'
EXTENSION_PRINCIPAL=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/servicePrincipals(appId='\'''"$EXTENSION_APP"''\'')' --query id --output tsv)

# Service principal of the connector
upsert --url 'https://graph.microsoft.com/v1.0/servicePrincipals(appId='\'''"$CONNECTOR_APP"''\'')' --body '{"displayName":"Reset & Resend connector"}'
CONNECTOR_PRINCIPAL=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/servicePrincipals(appId='\'''"$CONNECTOR_APP"''\'')' --query id --output tsv)

# Microsoft Graph
GRAPH_PRINCIPAL=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/servicePrincipals(appId='\''00000003-0000-0000-c000-000000000000'\'')' --query id --output tsv)

# Consent for the extension: signing in
FOUND=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20'\'''"$EXTENSION_PRINCIPAL"''\''' --query 'value[?clientId=='\'''"$EXTENSION_PRINCIPAL"''\'' && consentType=='\''AllPrincipals'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants' --body '{"clientId":"'"$EXTENSION_PRINCIPAL"'","consentType":"AllPrincipals","resourceId":"'"$GRAPH_PRINCIPAL"'","scope":"openid profile offline_access"}'
else
  graph --method PATCH --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants/'"$FOUND" --body '{"scope":"openid profile offline_access"}'
fi

# Consent for the connector: on behalf of the signed-in admin
FOUND=$(graph --method GET --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20'\'''"$CONNECTOR_PRINCIPAL"''\''' --query 'value[?clientId=='\'''"$CONNECTOR_PRINCIPAL"''\'' && consentType=='\''AllPrincipals'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants' --body '{"clientId":"'"$CONNECTOR_PRINCIPAL"'","consentType":"AllPrincipals","resourceId":"'"$GRAPH_PRINCIPAL"'","scope":"User.Read User.Read.All User-PasswordProfile.ReadWrite.All RoleManagement.Read.Directory GroupMember.Read.All AdministrativeUnit.Read.All User.RevokeSessions.All UserAuthenticationMethod.ReadWrite.All User-Mail.ReadWrite.All Domain.Read.All offline_access"}'
else
  graph --method PATCH --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants/'"$FOUND" --body '{"scope":"User.Read User.Read.All User-PasswordProfile.ReadWrite.All RoleManagement.Read.Directory GroupMember.Read.All AdministrativeUnit.Read.All User.RevokeSessions.All UserAuthenticationMethod.ReadWrite.All User-Mail.ReadWrite.All Domain.Read.All offline_access"}'
fi

# The connector has no certificate yet. Make one, then run setup again with --certificate connector.crt:
#   openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=reset-and-resend -keyout connector.key -out connector.crt

# The settings of the connector
echo 'RR_DIRECTORY=graph://11111111-2222-4333-8444-555555555555'
echo 'RR_GRAPH_AS=admin'
echo 'RR_CLIENT_ID='"$CONNECTOR_APP"
echo 'RR_EXTENSION_CLIENT_ID='"$EXTENSION_APP"
echo 'RR_MAIL=graph://reset@contoso.com'
echo 'RR_MAIL_FROM=reset@contoso.com'

# Exchange limits the connector to the one mailbox: run these in Exchange Online PowerShell
echo 'Connect-ExchangeOnline -ExchangeEnvironmentName O365Default'
echo 'New-ServicePrincipal -AppId '"$CONNECTOR_APP"' -ObjectId '"$CONNECTOR_PRINCIPAL"' -DisplayName '\''Reset & Resend connector'\'''
echo 'New-ManagementScope -Name '\''Reset & Resend mailbox'\'' -RecipientRestrictionFilter '\''PrimarySmtpAddress -eq '\'''\''reset@contoso.com'\'''\'''\'''
echo 'New-ManagementRoleAssignment -App '"$CONNECTOR_PRINCIPAL"' -Role '\''Application Mail.Send'\'' -CustomResourceScope '\''Reset & Resend mailbox'\'''
echo 'Test-ServicePrincipalAuthorization -Identity '"$CONNECTOR_PRINCIPAL"' -Resource '\''reset@contoso.com'\'''

# Should consent have been refused above, an administrator gives it here
echo 'https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/adminconsent?client_id='"$CONNECTOR_APP"'&redirect_uri=https%3A%2F%2Freset.contoso.com%2Fhealthz'
