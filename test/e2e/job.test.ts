// The job on the embedded directory.

import { jobTests } from './job.ts';
import { startJobStage } from './job-stage.ts';

jobTests(() => startJobStage());
