#!/usr/bin/env bash
# Registers Reset & Resend in a Microsoft Entra tenant. Can be run again. Needs the Azure CLI and, to consent,
# a Global Administrator or a Privileged Role Administrator.
#
# What the connector asks for, and why:
#   User.Read.All                       application  df021288-bdef-4463-88db-98f22de89214  People: found by name and address, guest, blocked or synchronised, addresses on file, last change.
#   User-PasswordProfile.ReadWrite.All  application  cc117bb9-00cf-4eb8-b580-ea2a878fe8f7  Sets the password; beside it the app needs a directory role, such as User Administrator.
#   RoleManagement.Read.Directory       application  483bed4a-2ad3-4361-a73b-c83ccdbdc53c  Administrator roles of admin and person, over what.
#   GroupMember.Read.All                application  98830695-27a2-44f7-8c18-0c3ebc9698f6  Is somebody in a group to which roles can be assigned?
#   AdministrativeUnit.Read.All         application  134fd756-38ce-4afd-ba33-e9623dbe66c2  Is somebody in a unit with restricted management?
#   Organization.Read.All               application  498476ce-e0fe-48b0-b801-37ba7e2685c6  Name and domains of the organisation.
#   User.RevokeSessions.All             application  77f3a031-c388-4f99-b373-dc68676a979e  Ends the sessions of the old password.
#   User-Mail.ReadWrite.All             application  280d0935-0796-47d1-8d26-273470a3f17a  Puts a confirmed address on file (otherMails).
#   Domain.Read.All                     application  dbb9058a-0e50-45d7-ae91-66909b5d4664  Says before anything is sent that a domain is federated.
#   Mail.Send                           application  b633e1c5-b582-4048-a93e-9f11b44c7e96  RR_MAIL=graph://: sends from the shared mailbox; limit it to that mailbox.
#   Application.Read.All                application  9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30  Read when the connector’s own secret or certificate ends, so that check can warn.
#
# The certificate that is given is the only one of the connector afterwards; setup --run keeps the others.
set -euo pipefail

az cloud set --name AzureUSGovernment
az login --tenant '11111111-2222-4333-8444-555555555555' --allow-no-subscriptions --output none
graph() { az rest --resource 'https://graph.microsoft.us' --headers 'Content-Type=application/json' "$@"; }
upsert() { az rest --resource 'https://graph.microsoft.us' --headers 'Content-Type=application/json' 'Prefer=create-if-missing' --method PATCH "$@"; }

# Registration of the extension
upsert --url 'https://graph.microsoft.us/v1.0/applications(uniqueName='\''reset-and-resend-extension'\'')' --body '{"displayName":"Reset & Resend extension","signInAudience":"AzureADMyOrg","spa":{"redirectUris":["https://ehgklkmaaldpgkaiebolcafcmkcachbi.chromiumapp.org/","https://c5a5c2ae879491c7efaf59b81b1de6d8e1289d3e.extensions.allizom.org/"]},"requiredResourceAccess":[{"resourceAppId":"00000003-0000-0000-c000-000000000000","resourceAccess":[{"id":"37f7f235-527c-4136-accd-4a02d197296e","type":"Scope"},{"id":"14dad69e-099b-42c9-810b-d002981feec1","type":"Scope"},{"id":"7427e0e9-2fba-42fe-b0c0-848c9e6a8182","type":"Scope"}]}]}'
EXTENSION_APP=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/applications(uniqueName='\''reset-and-resend-extension'\'')' --query appId --output tsv)

# Registration of the connector
upsert --url 'https://graph.microsoft.us/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --body '{"displayName":"Reset & Resend connector","signInAudience":"AzureADMyOrg","groupMembershipClaims":"DirectoryRole","optionalClaims":{"accessToken":[{"name":"xms_cc"},{"name":"idtyp"}]},"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"d713846c-6b8d-42d3-87b5-044fd3063c07","value":"Passwords.Reset","type":"Admin","isEnabled":true,"adminConsentDisplayName":"Reset passwords","adminConsentDescription":"Reset people’s passwords as far as the signed-in administrator’s own roles allow."}]},"requiredResourceAccess":[{"resourceAppId":"00000003-0000-0000-c000-000000000000","resourceAccess":[{"id":"df021288-bdef-4463-88db-98f22de89214","type":"Role"},{"id":"cc117bb9-00cf-4eb8-b580-ea2a878fe8f7","type":"Role"},{"id":"483bed4a-2ad3-4361-a73b-c83ccdbdc53c","type":"Role"},{"id":"98830695-27a2-44f7-8c18-0c3ebc9698f6","type":"Role"},{"id":"134fd756-38ce-4afd-ba33-e9623dbe66c2","type":"Role"},{"id":"498476ce-e0fe-48b0-b801-37ba7e2685c6","type":"Role"},{"id":"77f3a031-c388-4f99-b373-dc68676a979e","type":"Role"},{"id":"280d0935-0796-47d1-8d26-273470a3f17a","type":"Role"},{"id":"dbb9058a-0e50-45d7-ae91-66909b5d4664","type":"Role"},{"id":"b633e1c5-b582-4048-a93e-9f11b44c7e96","type":"Role"},{"id":"9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30","type":"Role"}]}],"web":{"redirectUris":["https://reset.contoso.com/healthz"]},"keyCredentials":[{"type":"AsymmetricX509Cert","usage":"Verify","displayName":"Reset & Resend connector","key":"MIIB+certificate/bytes=="}]}'
CONNECTOR_APP=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --query appId --output tsv)
CONNECTOR_OBJECT=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --query id --output tsv)

# Address of the connector’s API, and who may use it unasked: the extension
upsert --url 'https://graph.microsoft.us/v1.0/applications(uniqueName='\''reset-and-resend-connector'\'')' --body '{"displayName":"Reset & Resend connector","identifierUris":["api://'"$CONNECTOR_APP"'"],"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"d713846c-6b8d-42d3-87b5-044fd3063c07","value":"Passwords.Reset","type":"Admin","isEnabled":true,"adminConsentDisplayName":"Reset passwords","adminConsentDescription":"Reset people’s passwords as far as the signed-in administrator’s own roles allow."}],"preAuthorizedApplications":[{"appId":"'"$EXTENSION_APP"'","delegatedPermissionIds":["d713846c-6b8d-42d3-87b5-044fd3063c07"]}]}}'

# Service principal of the extension
upsert --url 'https://graph.microsoft.us/v1.0/servicePrincipals(appId='\'''"$EXTENSION_APP"''\'')' --body '{"displayName":"Reset & Resend extension"}'
EXTENSION_PRINCIPAL=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals(appId='\'''"$EXTENSION_APP"''\'')' --query id --output tsv)

# Service principal of the connector
upsert --url 'https://graph.microsoft.us/v1.0/servicePrincipals(appId='\'''"$CONNECTOR_APP"''\'')' --body '{"displayName":"Reset & Resend connector"}'
CONNECTOR_PRINCIPAL=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals(appId='\'''"$CONNECTOR_APP"''\'')' --query id --output tsv)

# Microsoft Graph
GRAPH_PRINCIPAL=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals(appId='\''00000003-0000-0000-c000-000000000000'\'')' --query id --output tsv)

# Consent for the extension: signing in
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20'\'''"$EXTENSION_PRINCIPAL"''\''' --query 'value[?clientId=='\'''"$EXTENSION_PRINCIPAL"''\'' && consentType=='\''AllPrincipals'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/oauth2PermissionGrants' --body '{"clientId":"'"$EXTENSION_PRINCIPAL"'","consentType":"AllPrincipals","resourceId":"'"$GRAPH_PRINCIPAL"'","scope":"openid profile offline_access"}'
else
  graph --method PATCH --url 'https://graph.microsoft.us/v1.0/oauth2PermissionGrants/'"$FOUND" --body '{"scope":"openid profile offline_access"}'
fi

# Consent for the connector by itself: User.Read.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''df021288-bdef-4463-88db-98f22de89214'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"df021288-bdef-4463-88db-98f22de89214","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: User-PasswordProfile.ReadWrite.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''cc117bb9-00cf-4eb8-b580-ea2a878fe8f7'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"cc117bb9-00cf-4eb8-b580-ea2a878fe8f7","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: RoleManagement.Read.Directory
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''483bed4a-2ad3-4361-a73b-c83ccdbdc53c'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"483bed4a-2ad3-4361-a73b-c83ccdbdc53c","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: GroupMember.Read.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''98830695-27a2-44f7-8c18-0c3ebc9698f6'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"98830695-27a2-44f7-8c18-0c3ebc9698f6","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: AdministrativeUnit.Read.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''134fd756-38ce-4afd-ba33-e9623dbe66c2'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"134fd756-38ce-4afd-ba33-e9623dbe66c2","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: Organization.Read.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''498476ce-e0fe-48b0-b801-37ba7e2685c6'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"498476ce-e0fe-48b0-b801-37ba7e2685c6","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: User.RevokeSessions.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''77f3a031-c388-4f99-b373-dc68676a979e'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"77f3a031-c388-4f99-b373-dc68676a979e","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: User-Mail.ReadWrite.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''280d0935-0796-47d1-8d26-273470a3f17a'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"280d0935-0796-47d1-8d26-273470a3f17a","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: Domain.Read.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''dbb9058a-0e50-45d7-ae91-66909b5d4664'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"dbb9058a-0e50-45d7-ae91-66909b5d4664","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: Mail.Send
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''b633e1c5-b582-4048-a93e-9f11b44c7e96'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"b633e1c5-b582-4048-a93e-9f11b44c7e96","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Consent for the connector by itself: Application.Read.All
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$CONNECTOR_PRINCIPAL"'/appRoleAssignments' --query 'value[?appRoleId=='\''9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30'\'' && resourceId=='\'''"$GRAPH_PRINCIPAL"''\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/servicePrincipals/'"$GRAPH_PRINCIPAL"'/appRoleAssignedTo' --body '{"principalId":"'"$CONNECTOR_PRINCIPAL"'","appRoleId":"9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30","resourceId":"'"$GRAPH_PRINCIPAL"'"}'
fi

# Role of the connector: User Administrator, in one administrative unit
FOUND=$(graph --method GET --url 'https://graph.microsoft.us/v1.0/roleManagement/directory/roleAssignments?$filter=principalId%20eq%20'\'''"$CONNECTOR_PRINCIPAL"''\''' --query 'value[?roleDefinitionId=='\''fe930be7-5e62-47db-91af-98c3a49a38b1'\'' && directoryScopeId=='\''/administrativeUnits/99999999-2222-4333-8444-555555555555'\''].id | [0]' --output tsv)
if [ -z "$FOUND" ]; then
  graph --method POST --url 'https://graph.microsoft.us/v1.0/roleManagement/directory/roleAssignments' --body '{"@odata.type":"#microsoft.graph.unifiedRoleAssignment","principalId":"'"$CONNECTOR_PRINCIPAL"'","roleDefinitionId":"fe930be7-5e62-47db-91af-98c3a49a38b1","directoryScopeId":"/administrativeUnits/99999999-2222-4333-8444-555555555555"}'
fi

# The settings of the connector
echo 'RR_DIRECTORY=graph://11111111-2222-4333-8444-555555555555'
echo 'RR_CLOUD=usgov'
echo 'RR_GRAPH_AS=app'
echo 'RR_CLIENT_ID='"$CONNECTOR_APP"
echo 'RR_CLIENT_CERT=connector.crt'
echo 'RR_CLIENT_KEY=(the file with its private key)'
echo 'RR_EXTENSION_CLIENT_ID='"$EXTENSION_APP"
echo 'RR_MAIL=graph://reset@contoso.com'
echo 'RR_MAIL_FROM=reset@contoso.com'

# Should consent have been refused above, an administrator gives it here
echo 'https://login.microsoftonline.us/11111111-2222-4333-8444-555555555555/adminconsent?client_id='"$CONNECTOR_APP"'&redirect_uri=https%3A%2F%2Freset.contoso.com%2Fhealthz'
