import { describeConformance } from '../../testing/conformance.ts'
import { openStore } from '../index.ts'

describeConformance('memory:', () => openStore('memory:'))
