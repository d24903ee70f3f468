// What the fragments of docs/go.md use.
#include <unistd.h>

#include <csignal>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

int think();
void use(int answer);
std::string fetch(const std::string& url);
std::string pick_ad();
std::string next();
std::string goodbye();
void serve();

extern const std::string url;
extern const std::vector<std::string> urls;
extern int fd;
extern char buffer[256];
