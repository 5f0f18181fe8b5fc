/**
 * A training step of a plain MLP in TensorFlow.js on its WebGPU backend, with its own Adam. In Node its core comes without
 * gradient functions, so the backward pass is written in the operations that those would call.
 */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-webgpu'
import type { MlpContestant, MlpProblem } from '../plain-mlp.ts'
import { flushed, startTensorflow } from './tensorflow.ts'

/** @throws where the library finds no WebGPU. */
export async function tensorflowMlp(version: string, problem: MlpProblem): Promise<MlpContestant> {
  const backend = await startTensorflow()
  const { rows, widths, x, labels, weights, learningRate } = problem
  const input = tf.tensor(x, [rows, widths[0]], 'float32')
  const target = tf.tensor(labels, [rows, 1], 'float32')
  const layers = weights.map((values, i) => ({
    weight: tf.variable(tf.tensor(values, [widths[i], widths[i + 1]], 'float32'), true, `weight${i}`),
    bias: tf.variable(tf.tensor(new Float32Array(widths[i + 1]), [widths[i + 1]], 'float32'), true, `bias${i}`),
  }))
  const adam = tf.train.adam(learningRate)
  const last = layers.length - 1

  /** One step; the loss is computed where it is asked for. */
  const step = (withLoss: boolean): tf.Tensor | undefined =>
    tf.tidy(() => {
      const outputs = [input]
      for (const [i, { weight, bias }] of layers.entries())
        outputs.push(tf.fused.matMul({ a: outputs[i], b: weight, bias, activation: i === last ? 'linear' : 'relu' }))
      const logits = outputs[layers.length]
      let dy = tf.div(tf.sub(tf.sigmoid(logits), target), rows)
      const gradients: { [name: string]: tf.Tensor } = {}
      for (let i = last; i >= 0; i--) {
        gradients[`weight${i}`] = tf.matMul(outputs[i], dy, true)
        gradients[`bias${i}`] = tf.sum(dy, 0)
        if (i > 0) dy = tf.mul(tf.matMul(dy, layers[i].weight, false, true), tf.step(outputs[i]))
      }
      adam.applyGradients(gradients)
      return withLoss ? tf.losses.sigmoidCrossEntropy(target, logits) : undefined
    })

  return {
    name: `tfjs-webgpu ${version}`,
    device: backend.device,
    queue(repeats) {
      for (let i = 0; i < repeats; i++) step(false)
      flushed(backend)
    },
    async loss() {
      const loss = step(true)!
      const [value] = await loss.data()
      tf.dispose([loss])
      return value
    },
  }
}
