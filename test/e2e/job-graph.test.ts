// The job on a Microsoft 365 tenant: RR_DIRECTORY=graph://, on behalf of the admin who is signed in there. Entra and Graph are
// played by a second connector, in a process of its own.

import { jobTests } from './job.ts';
import { startJobStage } from './job-stage.ts';

jobTests(() => startJobStage({ inCloud: true }));
