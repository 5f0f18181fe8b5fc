/** @throws Error where a file is not served */
export async function fetched(url: string): Promise<Response> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} is answered ${response.status}. Prepare the model first: npm run model.`)
  return response
}
