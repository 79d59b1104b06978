import type { ArchiveFormat } from '../../config/config.ts';
import { ParquetEditor } from './parquet-editor.ts';
import type { PartEditor } from './part-editor.ts';
import { csvEditor, jsonLinesEditor } from './text-editors.ts';

/** The editors of all formats. DuckDB is loaded for the first Parquet part. */
export class PartEditors {
  readonly #folder: string;
  #parquet: ParquetEditor | null = null;

  /** @param folder a private folder for what does not fit into memory */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async of(format: ArchiveFormat): Promise<PartEditor> {
    switch (format) {
      case 'jsonl':
        return jsonLinesEditor;
      case 'csv':
        return csvEditor;
      case 'parquet':
        this.#parquet ??= await ParquetEditor.open(this.#folder);
        return this.#parquet;
    }
  }

  close(): void {
    this.#parquet?.close();
    this.#parquet = null;
  }
}
