// What malloc holds free stays resident; after a job that freed much it should go back to the system.
#pragma once

namespace saker {

// Once, before threads: few arenas, and big blocks that go back when they are freed.
void ConfigureHeap();
// For the end of a background job: walks the free lists, some milliseconds. At most once a second; more calls do nothing.
void ReturnFreeHeap();

}  // namespace saker
