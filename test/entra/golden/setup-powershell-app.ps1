# Registers Reset & Resend in a Microsoft Entra tenant. Can be run again. Needs the module
# Microsoft.Graph.Authentication and, to consent, a Global Administrator or a Privileged Role Administrator.
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
$ErrorActionPreference = 'Stop'

Connect-MgGraph -NoWelcome -Environment USGov -TenantId '11111111-2222-4333-8444-555555555555' -Scopes 'Application.ReadWrite.All', 'DelegatedPermissionGrant.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'RoleManagement.ReadWrite.Directory'
function Read-Graph($Uri) { Invoke-MgGraphRequest -Method GET -Uri $Uri }
function Send-Graph($Method, $Uri, $Body, $Headers = @{}) { Invoke-MgGraphRequest -Method $Method -Uri $Uri -Body $Body -Headers $Headers -ContentType 'application/json' }

# Registration of the extension
Send-Graph PATCH 'https://graph.microsoft.us/v1.0/applications(uniqueName=''reset-and-resend-extension'')' '{"displayName":"Reset & Resend extension","signInAudience":"AzureADMyOrg","spa":{"redirectUris":["https://ehgklkmaaldpgkaiebolcafcmkcachbi.chromiumapp.org/","https://c5a5c2ae879491c7efaf59b81b1de6d8e1289d3e.extensions.allizom.org/"]},"requiredResourceAccess":[{"resourceAppId":"00000003-0000-0000-c000-000000000000","resourceAccess":[{"id":"37f7f235-527c-4136-accd-4a02d197296e","type":"Scope"},{"id":"14dad69e-099b-42c9-810b-d002981feec1","type":"Scope"},{"id":"7427e0e9-2fba-42fe-b0c0-848c9e6a8182","type":"Scope"}]}]}' @{ Prefer = 'create-if-missing' } | Out-Null
$ExtensionApp = (Read-Graph 'https://graph.microsoft.us/v1.0/applications(uniqueName=''reset-and-resend-extension'')').appId

# Registration of the connector
Send-Graph PATCH 'https://graph.microsoft.us/v1.0/applications(uniqueName=''reset-and-resend-connector'')' '{"displayName":"Reset & Resend connector","signInAudience":"AzureADMyOrg","groupMembershipClaims":"DirectoryRole","optionalClaims":{"accessToken":[{"name":"xms_cc"},{"name":"idtyp"}]},"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"d713846c-6b8d-42d3-87b5-044fd3063c07","value":"Passwords.Reset","type":"Admin","isEnabled":true,"adminConsentDisplayName":"Reset passwords","adminConsentDescription":"Reset people’’s passwords as far as the signed-in administrator’’s own roles allow."}]},"requiredResourceAccess":[{"resourceAppId":"00000003-0000-0000-c000-000000000000","resourceAccess":[{"id":"df021288-bdef-4463-88db-98f22de89214","type":"Role"},{"id":"cc117bb9-00cf-4eb8-b580-ea2a878fe8f7","type":"Role"},{"id":"483bed4a-2ad3-4361-a73b-c83ccdbdc53c","type":"Role"},{"id":"98830695-27a2-44f7-8c18-0c3ebc9698f6","type":"Role"},{"id":"134fd756-38ce-4afd-ba33-e9623dbe66c2","type":"Role"},{"id":"498476ce-e0fe-48b0-b801-37ba7e2685c6","type":"Role"},{"id":"77f3a031-c388-4f99-b373-dc68676a979e","type":"Role"},{"id":"280d0935-0796-47d1-8d26-273470a3f17a","type":"Role"},{"id":"dbb9058a-0e50-45d7-ae91-66909b5d4664","type":"Role"},{"id":"b633e1c5-b582-4048-a93e-9f11b44c7e96","type":"Role"},{"id":"9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30","type":"Role"}]}],"web":{"redirectUris":["https://reset.contoso.com/healthz"]},"keyCredentials":[{"type":"AsymmetricX509Cert","usage":"Verify","displayName":"Reset & Resend connector","key":"MIIB+certificate/bytes=="}]}' @{ Prefer = 'create-if-missing' } | Out-Null
$ConnectorApp = (Read-Graph 'https://graph.microsoft.us/v1.0/applications(uniqueName=''reset-and-resend-connector'')').appId
$ConnectorObject = (Read-Graph 'https://graph.microsoft.us/v1.0/applications(uniqueName=''reset-and-resend-connector'')').id

# Address of the connector’s API, and who may use it unasked: the extension
Send-Graph PATCH 'https://graph.microsoft.us/v1.0/applications(uniqueName=''reset-and-resend-connector'')' ('{"displayName":"Reset & Resend connector","identifierUris":["api://' + $ConnectorApp + '"],"api":{"requestedAccessTokenVersion":2,"oauth2PermissionScopes":[{"id":"d713846c-6b8d-42d3-87b5-044fd3063c07","value":"Passwords.Reset","type":"Admin","isEnabled":true,"adminConsentDisplayName":"Reset passwords","adminConsentDescription":"Reset people’’s passwords as far as the signed-in administrator’’s own roles allow."}],"preAuthorizedApplications":[{"appId":"' + $ExtensionApp + '","delegatedPermissionIds":["d713846c-6b8d-42d3-87b5-044fd3063c07"]}]}}') @{ Prefer = 'create-if-missing' } | Out-Null

# Service principal of the extension
Send-Graph PATCH ('https://graph.microsoft.us/v1.0/servicePrincipals(appId=''' + $ExtensionApp + ''')') '{"displayName":"Reset & Resend extension"}' @{ Prefer = 'create-if-missing' } | Out-Null
$ExtensionPrincipal = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals(appId=''' + $ExtensionApp + ''')')).id

# Service principal of the connector
Send-Graph PATCH ('https://graph.microsoft.us/v1.0/servicePrincipals(appId=''' + $ConnectorApp + ''')') '{"displayName":"Reset & Resend connector"}' @{ Prefer = 'create-if-missing' } | Out-Null
$ConnectorPrincipal = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals(appId=''' + $ConnectorApp + ''')')).id

# Microsoft Graph
$GraphPrincipal = (Read-Graph 'https://graph.microsoft.us/v1.0/servicePrincipals(appId=''00000003-0000-0000-c000-000000000000'')').id

# Consent for the extension: signing in
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20''' + $ExtensionPrincipal + '''')).value | Where-Object { $_.clientId -eq $ExtensionPrincipal -and $_.consentType -eq 'AllPrincipals' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST 'https://graph.microsoft.us/v1.0/oauth2PermissionGrants' ('{"clientId":"' + $ExtensionPrincipal + '","consentType":"AllPrincipals","resourceId":"' + $GraphPrincipal + '","scope":"openid profile offline_access"}') | Out-Null
} else { Send-Graph PATCH ('https://graph.microsoft.us/v1.0/oauth2PermissionGrants/' + $Found.id) '{"scope":"openid profile offline_access"}' | Out-Null
}

# Consent for the connector by itself: User.Read.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq 'df021288-bdef-4463-88db-98f22de89214' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"df021288-bdef-4463-88db-98f22de89214","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: User-PasswordProfile.ReadWrite.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq 'cc117bb9-00cf-4eb8-b580-ea2a878fe8f7' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"cc117bb9-00cf-4eb8-b580-ea2a878fe8f7","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: RoleManagement.Read.Directory
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '483bed4a-2ad3-4361-a73b-c83ccdbdc53c' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"483bed4a-2ad3-4361-a73b-c83ccdbdc53c","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: GroupMember.Read.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '98830695-27a2-44f7-8c18-0c3ebc9698f6' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"98830695-27a2-44f7-8c18-0c3ebc9698f6","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: AdministrativeUnit.Read.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '134fd756-38ce-4afd-ba33-e9623dbe66c2' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"134fd756-38ce-4afd-ba33-e9623dbe66c2","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: Organization.Read.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '498476ce-e0fe-48b0-b801-37ba7e2685c6' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"498476ce-e0fe-48b0-b801-37ba7e2685c6","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: User.RevokeSessions.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '77f3a031-c388-4f99-b373-dc68676a979e' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"77f3a031-c388-4f99-b373-dc68676a979e","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: User-Mail.ReadWrite.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '280d0935-0796-47d1-8d26-273470a3f17a' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"280d0935-0796-47d1-8d26-273470a3f17a","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: Domain.Read.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq 'dbb9058a-0e50-45d7-ae91-66909b5d4664' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"dbb9058a-0e50-45d7-ae91-66909b5d4664","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: Mail.Send
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq 'b633e1c5-b582-4048-a93e-9f11b44c7e96' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"b633e1c5-b582-4048-a93e-9f11b44c7e96","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Consent for the connector by itself: Application.Read.All
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $ConnectorPrincipal + '/appRoleAssignments')).value | Where-Object { $_.appRoleId -eq '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30' -and $_.resourceId -eq $GraphPrincipal } | Select-Object -First 1
if (-not $Found) { Send-Graph POST ('https://graph.microsoft.us/v1.0/servicePrincipals/' + $GraphPrincipal + '/appRoleAssignedTo') ('{"principalId":"' + $ConnectorPrincipal + '","appRoleId":"9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30","resourceId":"' + $GraphPrincipal + '"}') | Out-Null
}

# Role of the connector: User Administrator, in one administrative unit
$Found = (Read-Graph ('https://graph.microsoft.us/v1.0/roleManagement/directory/roleAssignments?$filter=principalId%20eq%20''' + $ConnectorPrincipal + '''')).value | Where-Object { $_.roleDefinitionId -eq 'fe930be7-5e62-47db-91af-98c3a49a38b1' -and $_.directoryScopeId -eq '/administrativeUnits/99999999-2222-4333-8444-555555555555' } | Select-Object -First 1
if (-not $Found) { Send-Graph POST 'https://graph.microsoft.us/v1.0/roleManagement/directory/roleAssignments' ('{"@odata.type":"#microsoft.graph.unifiedRoleAssignment","principalId":"' + $ConnectorPrincipal + '","roleDefinitionId":"fe930be7-5e62-47db-91af-98c3a49a38b1","directoryScopeId":"/administrativeUnits/99999999-2222-4333-8444-555555555555"}') | Out-Null
}

# The settings of the connector
'RR_DIRECTORY=graph://11111111-2222-4333-8444-555555555555'
'RR_CLOUD=usgov'
'RR_GRAPH_AS=app'
('RR_CLIENT_ID=' + $ConnectorApp)
'RR_CLIENT_CERT=connector.crt'
'RR_CLIENT_KEY=(the file with its private key)'
('RR_EXTENSION_CLIENT_ID=' + $ExtensionApp)
'RR_MAIL=graph://reset@contoso.com'
'RR_MAIL_FROM=reset@contoso.com'

# Should consent have been refused above, an administrator gives it here
('https://login.microsoftonline.us/11111111-2222-4333-8444-555555555555/adminconsent?client_id=' + $ConnectorApp + '&redirect_uri=https%3A%2F%2Freset.contoso.com%2Fhealthz')
