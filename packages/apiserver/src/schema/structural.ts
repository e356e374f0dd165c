// The schema that drives pruning, defaulting, validation, patches and OpenAPI: one with the CustomResourceDefinitions.
export { type StructuralSchema as Schema, structuralSchema as schemaOf } from '@varve/api';
