// What the fragments of docs/pipeline.md use.
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

std::string read_and_pack(const std::string& path);
bool is_small(const std::string& packed);

extern const std::vector<std::string> paths;
