import type { VNode } from 'preact';

import { configOf } from '../service/settings.ts';
import type { Persona } from '../service/settings.ts';

interface PersonaViewProps {
  readonly persona: Persona;
  readonly onPersona: (persona: Persona) => void;
}

/** For whom new threads are, and their config. */
export function PersonaView({ persona, onPersona }: PersonaViewProps): VNode {
  const isValid = configOf(persona) !== undefined;
  return (
    <div class="persona">
      <label class="field inline">
        Talk as
        <input
          id="contact"
          value={persona.contactId}
          spellcheck={false}
          autocomplete="off"
          maxLength={255}
          onChange={(event) => {
            const contactId = event.currentTarget.value.trim();
            if (contactId === '') event.currentTarget.value = persona.contactId;
            else onPersona({ ...persona, contactId });
          }}
        />
      </label>
      <details class="sub">
        <summary>
          <code>thread_config</code> of new threads
        </summary>
        <textarea
          aria-label="thread_config, JSON"
          aria-invalid={!isValid}
          aria-describedby="config-problem"
          rows={4}
          spellcheck={false}
          value={persona.threadConfig}
          onChange={(event) => onPersona({ ...persona, threadConfig: event.currentTarget.value })}
        />
        <p id="config-problem" class="problem-line" role="status">
          {isValid ? '' : 'This is not a JSON object: new threads get {}.'}
        </p>
      </details>
    </div>
  );
}
