// What the fragments of docs/sync.md use.
#include <mutex>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

void download(const std::string& url);

extern const std::vector<std::string> urls;
