using System.Globalization;
using Containers.Launch;

namespace Containers.Benchmarks.Peers.Floor;

/// <summary>A C program that makes the calls of a plan and nothing else: written from the plan itself, so it cannot drift from it.</summary>
internal static class FloorContender
{
    // Stands for the container's id wherever a text names it; the program puts another one there in every run.
    private const string Id = "f1002e9c6a57";

    private const int HostPidFd = 9;

    public static Contender Create(WorkFolder work, ContainerBuilder builder)
    {
        // As deep as the library's own directories are, so that paths take as long to walk.
        string running = Directory.CreateDirectory(work.In("floor/running/host")).FullName;
        LaunchRequest request = RequestBuilder.Build(builder.Spec, ResolvedRoot.Find(builder.Spec), Id, $"{running}/{Id}", (-1, -1, -1));
        using LaunchPlan plan = LaunchPlan.Compile(request, HostPidFd, KernelFeatures.Current);
        string folder = Directory.CreateDirectory(work.In("floor/source")).FullName;
        FloorSource source = new(Id);
        source.Define("ID_LENGTH", Id.Length.ToString(CultureInfo.InvariantCulture));
        source.Define("HOST_PIDFD", HostPidFd.ToString(CultureInfo.InvariantCulture));
        source.Define("CLONE_FLAGS", string.Create(CultureInfo.InvariantCulture, $"0x{plan.CloneFlags:x}ULL"));
        source.Define("RUNNING", $"\"{running}\"");
        source.Define("FIRST", request.Overlay ? "\"upper\"" : "\"root\"");
        source.Define("SECOND", request.Overlay ? "\"work\"" : "\"etc\"");
        File.WriteAllText(Path.Combine(folder, "steps.h"), source.Write(plan.Program));
        Helper helper = new(CompiledC.Build(folder, "floor.c"));
        return new HelperContender("floor-c", helper, note: $"{plan.Program.Count} steps, CLONE_VM and CLONE_VFORK");
    }
}
