// The cast: one organisation of sample people for tests, the practice start and the documents, as SCIM User resources
// (RFC 7643 §4.1). Names are chosen to break things: case rules, apostrophes, scripts, twins, length.

/** RFC 7643 §4.3. */
export const enterpriseUser = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** A SCIM User as an identity provider would POST it; the server gives it an `id`. */
export interface SampleUser {
  readonly schemas: readonly string[];
  readonly userName: string;
  readonly externalId: string;
  readonly displayName: string;
  readonly name: { readonly givenName?: string; readonly familyName?: string };
  readonly emails: readonly { readonly value: string; readonly type: 'work' | 'home'; readonly primary?: boolean }[];
  readonly active: boolean;
  readonly preferredLanguage: string;
  readonly title: string;
  readonly [enterpriseUser]: { readonly department: string };
}

/** The names of Entra roles as `user create --role` takes them. */
export type SampleRole = 'Global Administrator' | 'Password Administrator';

export const contoso = { name: 'Contoso', domain: 'contoso.example' } as const;
export const fabrikam = { name: 'Fabrikam', domain: 'fabrikam.example' } as const;

interface Part {
  readonly given?: string;
  readonly family?: string;
  /** Where it isn't "given family". */
  readonly display?: string;
  /** Before the @ of the user name and of the mailbox. */
  readonly local: string;
  readonly domain?: string;
  /** Addresses outside the organisation; absent: one at mail.example. */
  readonly home?: readonly string[];
  readonly language?: string;
  readonly title: string;
  readonly department: string;
  readonly active?: boolean;
}

/** The table below in SCIM's words. */
function sampleUser(key: string, part: Part): SampleUser {
  const address = `${part.local}@${part.domain ?? contoso.domain}`;
  const home = part.home ?? [`${part.local}@mail.example`];
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', enterpriseUser],
    userName: address,
    externalId: `hr-${key}`,
    displayName: part.display ?? [part.given, part.family].filter(Boolean).join(' '),
    name: {
      ...(part.given === undefined ? {} : { givenName: part.given }),
      ...(part.family === undefined ? {} : { familyName: part.family }),
    },
    emails: [
      { value: address, type: 'work', primary: true },
      ...home.map((value) => ({ value, type: 'home' as const })),
    ],
    active: part.active ?? true,
    preferredLanguage: part.language ?? 'en-GB',
    title: part.title,
    [enterpriseUser]: { department: part.department },
  };
}

const longFamily = 'von Hohenberg-Schwarzenfels und zu Altenburg-Rittersheim';

const parts = {
  // those who work the admin center
  globalAdmin: { given: 'Gwen', family: 'Okafor', local: 'gwen.okafor', title: 'IT Lead', department: 'IT' },
  passwordAdmin: { given: 'Pål', family: 'Lindqvist', local: 'pal.lindqvist', title: 'Service Desk', department: 'IT' },
  noRole: { given: 'Hana', family: 'Suzuki', local: 'hana.suzuki', title: 'Service Desk Trainee', department: 'IT' },

  // the person of the tour and of most tests
  amara: { given: 'Amara', family: 'Nwosu', local: 'amara.nwosu', title: 'Nurse', department: 'Ward 3' },

  // Turkish: the letters that case-mapping gets wrong, and a mail in Turkish
  ada: { given: 'Ada', family: 'Yılmaz', local: 'ada.yilmaz', language: 'tr-TR', title: 'Buyer', department: 'Supply' },
  ipek: { given: 'İpek', family: 'Işık', local: 'ipek.isik', language: 'tr-TR', title: 'Designer', department: 'Web' },
  twoAddresses: {
    given: 'Çağla',
    family: 'Şahin',
    local: 'cagla.sahin',
    home: ['cagla.sahin@mail.example', 'caglasahin@post.example'],
    language: 'tr-TR',
    title: 'Accountant',
    department: 'Finance',
  },

  // twins: a name alone must never decide
  mariaOfSales: { given: 'Maria', family: 'Silva', local: 'maria.silva', title: 'Sales Manager', department: 'Sales' },
  mariaOfWard: { given: 'Maria', family: 'Silva', local: 'maria.silva2', title: 'Nurse', department: 'Ward 5' },

  // who can't be helped by a mail, each in another way
  disabled: {
    given: 'Tomasz',
    family: 'Wójcik',
    local: 'tomasz.wojcik',
    title: 'Driver',
    department: 'Fleet',
    active: false,
  },
  noAddress: { given: 'Ivan', family: 'Petrov', local: 'ivan.petrov', home: [], title: 'Porter', department: 'House' },

  // names that break a layout or a parser
  apostrophe: { given: 'Nora', family: "O'Brien", local: "nora.o'brien", title: 'Radiologist', department: 'Imaging' },
  long: {
    given: 'Wolfgang Maximilian',
    family: longFamily,
    local: 'wolfgang.hohenberg',
    title: 'Head of Research',
    department: 'Research',
  },
  arabic: {
    given: 'ليلى',
    family: 'حداد',
    local: 'layla.haddad',
    language: 'ar',
    title: 'Pharmacist',
    department: 'Pharmacy',
  },
  greek: {
    given: 'Νίκος',
    family: 'Παπαδόπουλος',
    local: 'nikos.papadopoulos',
    language: 'el-GR',
    title: 'Cook',
    department: 'Kitchen',
  },
  cyrillic: {
    given: 'Ольга',
    family: 'Коваленко',
    local: 'olha.kovalenko',
    language: 'uk-UA',
    title: 'Physician',
    department: 'Ward 3',
  },
  vietnamese: {
    given: 'Thị Minh',
    family: 'Nguyễn',
    display: 'Nguyễn Thị Minh',
    local: 'minh.nguyen',
    title: 'Analyst',
    department: 'Finance',
  },
  icelandic: {
    given: 'Þórdís',
    family: 'Jónsdóttir',
    local: 'thordis.jonsdottir',
    title: 'Midwife',
    department: 'Ward 1',
  },
  irish: {
    given: 'Siobhán',
    family: 'Ní Bhriain',
    local: 'siobhan.nibhriain',
    title: 'Archivist',
    department: 'Records',
  },
  hyphen: {
    given: 'Jean-Luc',
    family: "d'Aubigné",
    local: 'jean-luc.daubigne',
    title: 'Surgeon',
    department: 'Theatre',
  },
  short: { given: 'Bo', family: 'Li', local: 'bo.li', title: 'Developer', department: 'Web' },
  oneName: { given: 'Wibowo', local: 'wibowo', title: 'Gardener', department: 'House' },
  priya: { given: 'Priya', family: 'Raman', local: 'priya.raman', title: 'Physician', department: 'Ward 5' },
  kwame: { given: 'Kwame', family: 'Mensah', local: 'kwame.mensah', title: 'Electrician', department: 'House' },
} as const satisfies Record<string, Part>;

/** By what each is here for: `cast.apostrophe.userName`. */
export const cast = Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, sampleUser(key, part)])) as {
  readonly [key in keyof typeof parts]: SampleUser;
};

/** Contoso's people in the order of the table. */
export const people: readonly SampleUser[] = Object.values(cast);

/** Who holds a role; everybody else holds none. */
export const roles: readonly { readonly user: SampleUser; readonly role: SampleRole }[] = [
  { user: cast.globalAdmin, role: 'Global Administrator' },
  { user: cast.passwordAdmin, role: 'Password Administrator' },
];

/** Somebody of another organisation, unknown to Contoso's connector, as a row of the admin center may show one. */
export const stranger = sampleUser('stranger', {
  given: 'Dana',
  family: 'Fabri',
  local: 'dana.fabri',
  domain: fabrikam.domain,
  title: 'Consultant',
  department: 'Partners',
});

/** The addresses outside the organisation at which this person's mail can be read. */
export function homeAddresses(user: SampleUser): string[] {
  return user.emails.filter((email) => email.type === 'home').map((email) => email.value);
}
