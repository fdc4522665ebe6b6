using System.CommandLine;
using ContainerCli.Output;
using Containers;
using Spectre.Console;

namespace ContainerCli.Commands;

/// <summary>doctor: what this host has of what containers are made of.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        Command command = new("doctor", "Tries what this host can do, for this user, and says what would give the rest. Changes nothing.");
        command.SetAction(_ =>
        {
            HostCapabilities host = HostCapabilities.Probe();
            Console.Out.WriteLine($"Linux {host.KernelRelease}, {(host.IsRoot ? "as root" : "as a user")}");
            int width = host.All.Max(one => one.Feature.ToString().Length);
            foreach (HostCapability one in host.All)
            {
                Screen.Data.Write(new Text(one.IsAvailable ? "  yes " : "  no  ", new Style(one.IsAvailable ? Color.Green : Color.Yellow)));
                Console.Out.WriteLine($"{one.Feature.ToString().PadRight(width)}  {one.Detail}{(one.Remedy is null ? "" : $"{(one.Detail.Length > 0 ? ". " : "")}Would give it: {one.Remedy}")}".TrimEnd());
            }

            return 0;
        });
        return command;
    }
}
