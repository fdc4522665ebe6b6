using System.IO.Compression;
using Xunit;

namespace Containers.Tests.Packages;

/// <summary>The packages, as someone finds them who has nothing else.</summary>
public sealed class PackageTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public void Fresh_project_refers_to_the_packages_and_runs_a_container()
    {
        Requires.Tools("clang", "ld.lld", "dotnet");
        string repository = Repository();
        string packages = root["packages"], project = root["fresh"];
        foreach (string name in (string[])["Native", "Core", "Systemd"])
        {
            Tool.Run("dotnet", "pack", $"{repository}/src/Containers.{name}", "-c", "Release", "-o", packages, "-p:Version=99.0.0-test", "-p:RunAnalyzers=false");
        }

        using (ZipArchive native = ZipFile.OpenRead($"{packages}/Containers.Native.99.0.0-test.nupkg"))
        {
            Assert.Equal(["runtimes/linux-arm64/native/libcontainers_launch.so", "runtimes/linux-x64/native/libcontainers_launch.so"],
                native.Entries.Select(entry => entry.FullName).Where(entry => entry.EndsWith(".so", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            Assert.Contains(native.Entries, entry => entry.FullName == "README.md");
            Assert.Contains(native.Entries, entry => entry.FullName == "lib/net10.0/Containers.Native.xml");
        }

        Directory.CreateDirectory(project);
        File.WriteAllText(project + "/nuget.config", $"""<configuration><packageSources><add key="here" value="{packages}" /></packageSources></configuration>""");
        File.WriteAllText(project + "/fresh.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><NuGetAudit>false</NuGetAudit>
                <RestorePackagesPath>{root["restored"]}</RestorePackagesPath>
                <RestoreFallbackFolders>$(NuGetPackageRoot);$(HOME)/.nuget/packages</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup><PackageReference Include="Containers.Systemd" Version="99.0.0-test" /></ItemGroup>
            </Project>
            """);
        File.WriteAllText(project + "/Program.cs", """
            using Containers;
            await using Container container = Container.FromImage("rootfs:" + args[0]).WithStore(args[1]).WithPidNs().WithNet(Net.None).WithCommand("echo", "from a package").Start();
            Console.Write(await container.ReadOutputAsync());
            try
            {
                await SystemdScope.EnterAsync("no.slice"); // reached, and no scope
            }
            catch (ArgumentException refused)
            {
                Console.WriteLine(refused.ParamName);
            }
            """);

        Assert.EndsWith("from a package\nname\n", Tool.Run("dotnet", "run", "--project", project, "--", root.Path, root["store-of-package"]));
    }

    private static string Repository()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Containers.sln")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("Containers.sln is in no directory above the tests.");
        }

        return directory;
    }
}
